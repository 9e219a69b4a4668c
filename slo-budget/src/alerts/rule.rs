use std::time::Duration;

use crate::{
    burn::{Page, Rule},
    record::Settings,
    types::{Factor, InvalidConfigKind, duration::ticks},
};

/// When to alert: a pair of windows that both burn too fast, the severity, and how long it must last.
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
#[doc(alias = "AlertCondition")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename = "rule", deny_unknown_fields)
)]
#[must_use = "a rule does nothing until it is passed to `AlertsBuilder::rules`"]
pub struct AlertRule {
    severity: Severity,
    budget: Factor,
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    long: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    short: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(
            with = "crate::file::time",
            default,
            skip_serializing_if = "Duration::is_zero"
        )
    )]
    pending_for: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(
            with = "crate::file::time",
            default,
            skip_serializing_if = "Duration::is_zero"
        )
    )]
    keep_firing_for: Duration,
}

/// How urgent an alert is. A firing alert inhibits alerts of lower severity.
#[doc(alias("page_alert", "ticket_alert"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Severity {
    /// A person should look at it in working hours.
    Ticket,
    /// A person should look at it now.
    Page,
}

/// A checked rule. Lengths of time are in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedRule {
    pub(super) severity: Severity,
    /// The share of the budget, from which the factor follows.
    budget: Factor,
    pub(crate) windows: Rule,
    pub(super) pending_for: u64,
    pub(super) keep_firing_for: u64,
}

impl Severity {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl AlertRule {
    /// Alerts when both windows burn faster than the share of the budget within the long one.
    pub const fn new(severity: Severity, windows: Page) -> Self {
        Self {
            severity,
            budget: windows.budget,
            long: windows.long,
            short: windows.short,
            pending_for: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
        }
    }

    /// Sets how long the alert is pending before it fires. The default is zero, which is best: the long window has
    /// the same purpose, and this only delays the alert (Google SRE Workbook, chapter 5).
    #[doc(alias("alertAfter", "for"))]
    pub const fn pending_for(self, time: Duration) -> Self {
        Self {
            pending_for: time,
            ..self
        }
    }

    /// Sets how long the alert keeps firing after its windows stop burning, so that an error rate near the line does
    /// not fire again and again. As in Prometheus, the time starts at the first evaluation at which they do not burn.
    /// The default is zero.
    pub const fn keep_firing_for(self, time: Duration) -> Self {
        Self {
            keep_firing_for: time,
            ..self
        }
    }

    pub(crate) fn check(self, settings: &Settings) -> Result<CheckedRule, InvalidConfigKind> {
        let windows = Rule::new(Page::new(self.budget, self.long, self.short), settings)?;
        if windows.factor.is_zero() {
            return Err(InvalidConfigKind::PageFactor);
        }
        Ok(CheckedRule {
            severity: self.severity,
            budget: self.budget,
            windows: windows.check_outage(settings)?,
            pending_for: ticks(self.pending_for),
            keep_firing_for: ticks(self.keep_firing_for),
        })
    }
}

impl CheckedRule {
    /// Follows the period of a budget that was reconfigured. A factor that does not fit stays.
    pub(super) fn follow(&mut self, settings: &Settings) {
        let factor = Factor::of_ticks(self.budget, settings.period, self.windows.long);
        self.windows.factor = factor.unwrap_or(self.windows.factor);
    }

    /// Whether both are about the same windows, and as urgent.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let key = |rule: &Self| (rule.severity, rule.windows.long, rule.windows.short);
        key(self) == key(other)
    }
}
