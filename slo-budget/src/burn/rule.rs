use std::time::Duration;

use crate::{
    burn::{Significance, outage},
    record::Settings,
    types::{BurnRate, Factor, InvalidConfigKind, duration::ticks},
};

/// A pair of windows that fires when both burn too fast: a share of the budget consumed within the long window,
/// with the short window to show that it still burns.
///
/// It fires when both burn faster than `budget × period / long`, strictly (Google SRE Workbook, chapter 5).
#[doc(alias("lookbackWindow", "longWindow", "shortWindow"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub(crate) budget: Factor,
    pub(crate) long: Duration,
    pub(crate) short: Duration,
}

/// A checked pair of windows, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) long: u64,
    pub(crate) short: u64,
    /// The burn rate above which both windows must be.
    pub(crate) factor: Factor,
}

// === impl Page ===

impl Page {
    /// The share `budget` (0.02 is 2 %) of the period's budget within `long`, still burning in `short`, which is
    /// usually a twelfth of `long`.
    #[must_use]
    pub const fn new(budget: Factor, long: Duration, short: Duration) -> Self {
        Self {
            budget,
            long,
            short,
        }
    }

    /// The share and the windows of the Workbook's table 5-8, in per cent and in slots of `resolution`.
    pub(crate) fn of_slots(percent: u32, long: u32, short: u32, resolution: u64) -> Option<Self> {
        let slots = |n: u32| Duration::from_nanos(u64::from(n) * resolution);
        let budget = Factor::new(percent, 100)?;
        Some(Self::new(budget, slots(long), slots(short)))
    }

    /// The same windows with a larger share, if the share is less than a service consumes that just meets its objective. An
    /// alert below that rate would be announced and not fire, because nothing shows that the objective is missed.
    pub(crate) fn at_least_the_budget(self, period: u64) -> Self {
        let factor = Factor::of_ticks(self.budget, period, ticks(self.long));
        let just_met = Factor::ratio(ticks(self.long), period);
        match (factor, just_met) {
            (Some(factor), Some(budget)) if factor.is_at_most_one() => Self { budget, ..self },
            _ => self,
        }
    }
}

// === impl Rule ===

impl Rule {
    /// Checks the windows and computes the factor.
    pub(crate) fn new(page: Page, settings: &Settings) -> Result<Self, InvalidConfigKind> {
        let (long, short) = (ticks(page.long), ticks(page.short));
        settings.check_window(long)?;
        settings.check_window(short)?;
        if short >= long {
            return Err(InvalidConfigKind::ShortNotShorter);
        }
        let factor = Factor::of_ticks(page.budget, settings.period, long)
            .ok_or(InvalidConfigKind::PageFactor)?;
        Ok(Self {
            long,
            short,
            factor,
        })
    }

    /// Refuses a rule that not even a total outage fires.
    pub(crate) fn check_outage(self, settings: &Settings) -> Result<Self, InvalidConfigKind> {
        if outage(settings).is_some_and(|burn| burn > self.factor) {
            Ok(self)
        } else {
            Err(InvalidConfigKind::NeverFires)
        }
    }

    /// Whether both windows are above `line`, strictly. `None` if a window without data leaves it open: a window
    /// with data that is at or below the line decides alone.
    pub(crate) fn burns(
        line: Factor,
        long: Option<BurnRate>,
        short: Option<BurnRate>,
    ) -> Option<bool> {
        if [long, short].into_iter().flatten().any(|burn| burn <= line) {
            return Some(false);
        }
        long.and(short).map(|_| true)
    }

    /// Whether this fires for the first time: both windows burn, and the events in the long one are significant.
    pub(crate) fn fires(
        &self,
        long: Option<BurnRate>,
        short: Option<BurnRate>,
        significance: &Significance,
        min_bad: u64,
    ) -> Option<bool> {
        let burns = Self::burns(self.factor, long, short)?;
        Some(burns && long.is_some_and(|long| significance.holds(long, min_bad)))
    }
}
