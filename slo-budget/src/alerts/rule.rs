use std::time::Duration;

use crate::{
    budget::Settings,
    builder::check_window,
    burn::Page,
    gate::builder::outage,
    types::{Factor, InvalidConfig, duration::ticks},
};

/// When to alert: a pair of windows that burn too fast together, whom that concerns, and how long it has to last.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{AlertRule, Factor, Page, Severity};
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let two_percent = Factor::new(2, 100).unwrap();
/// let rule = AlertRule::new(Severity::Page, Page::new(two_percent, hour, hour / 12))
///     .keep_firing_for(hour / 6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a rule does nothing until it is given to `AlertsBuilder::rules`"]
pub struct AlertRule {
    severity: Severity,
    windows: Page,
    pending_for: Duration,
    keep_firing_for: Duration,
}

/// Whom an alert concerns. A firing alert inhibits those of lesser severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Somebody, in working hours.
    Ticket,
    /// Somebody, now.
    Page,
}

/// A rule that was checked, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) severity: Severity,
    pub(crate) long: u64,
    pub(crate) short: u64,
    pub(crate) factor: Factor,
    pub(crate) pending_for: u64,
    pub(crate) keep_firing_for: u64,
}

impl AlertRule {
    /// Alerts when both windows burn faster than the share of the budget in the long one says.
    pub const fn new(severity: Severity, windows: Page) -> Self {
        Self {
            severity,
            windows,
            pending_for: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
        }
    }

    /// Pending until it has lasted so long; only then it fires. The default is zero, and best: the long
    /// window does that already, and this only delays (Google SRE Workbook, chapter 5).
    pub const fn pending_for(self, time: Duration) -> Self {
        Self {
            pending_for: time,
            ..self
        }
    }

    /// Fires on until it has been quiet for so long, so that an error rate about its line does not ring
    /// again and again. The default is zero.
    pub const fn keep_firing_for(self, time: Duration) -> Self {
        Self {
            keep_firing_for: time,
            ..self
        }
    }

    pub(crate) fn check(self, settings: &Settings) -> Result<Rule, InvalidConfig> {
        let (long, short) = (ticks(self.windows.long), ticks(self.windows.short));
        check_window(long, settings)?;
        check_window(short, settings)?;
        if short >= long {
            return Err(InvalidConfig::ShortNotShorter);
        }
        let factor = Factor::of_ticks(self.windows.budget, settings.period, long)
            .filter(|factor| factor.terms().0 > 0)
            .ok_or(InvalidConfig::PageFactor)?;
        if !outage(settings).is_some_and(|burn| burn > factor) {
            return Err(InvalidConfig::NeverFires);
        }
        Ok(Rule {
            severity: self.severity,
            long,
            short,
            factor,
            pending_for: ticks(self.pending_for),
            keep_firing_for: ticks(self.keep_firing_for),
        })
    }
}
