use std::{fmt, time::Duration};

use crate::{
    budget::Settings,
    record::{
        budgeting_method::{Amount, SliceRule, SpokenCounts},
        calendar::{Calendar, Periods},
        recorder::View,
    },
    types::{
        BurnRate, Counts, Factor, Objective,
        duration::{Spoken, ticks},
    },
};

/// All figures of a budget at one moment, made by [`ErrorBudget::report`](crate::ErrorBudget::report).
///
/// Its `Display` is a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    name: &'static str,
    objective: Objective,
    period: WindowReport,
    windows: [Option<WindowReport>; 4],
    slices: Option<SliceRule>,
    calendar: Option<Calendar>,
    /// Of the calendar's period, until it ends.
    left: Option<u64>,
    behind: u64,
    steps_back: u64,
    slept: u64,
}

/// The figures of one window.
#[derive(Clone, Copy, Debug)]
pub struct WindowReport {
    window: Duration,
    counts: Counts,
    burn_rate: Option<BurnRate>,
    observed: Duration,
}

// === impl Report ===

impl Report {
    pub(crate) fn new(name: &'static str, settings: &Settings, view: &View<'_>) -> Self {
        let figures = |window: u64, counts, observed| WindowReport {
            window: Duration::from_nanos(window),
            counts,
            burn_rate: settings.objective.burn_rate(counts),
            observed: Duration::from_nanos(observed),
        };
        let window = |window: u64| figures(window, view.window(window), window.min(view.tick()));
        let whole = view.whole(settings.period);
        Self {
            name,
            objective: settings.objective,
            period: figures(whole.length, whole.counts, whole.observed),
            windows: settings.windows.map(|length| length.map(window)),
            slices: settings.slices,
            calendar: settings.calendar.as_ref().map(Periods::calendar),
            left: whole.left,
            behind: view.behind(),
            steps_back: view.steps_back(),
            slept: view.slept(),
        }
    }

    /// The name of the budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The share of events that are to be good.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The figures of the whole period, or of what has passed of a calendar's, with the length of all of it as its
    /// [`window`](WindowReport::window). Its burn rate is the share of the budget consumed, exactly.
    #[must_use]
    pub const fn period(&self) -> &WindowReport {
        &self.period
    }

    /// The figures of the windows that the budget was built with, in that order.
    pub fn windows(&self) -> impl Iterator<Item = &WindowReport> {
        self.windows.iter().flatten()
    }

    /// How often the clock was seen to go back by more than a slot (an instant was given that lies before one
    /// given earlier). Time stands still until it has caught up. A thread that was held up for longer than a slot
    /// between its clock read and its call looks the same.
    #[must_use]
    pub const fn clock_steps_back(&self) -> u64 {
        self.steps_back
    }

    /// How far the clock is behind the latest instant that was seen: zero, but after a step back, or after
    /// somebody gave an instant in the future.
    #[must_use]
    pub const fn clock_behind(&self) -> Duration {
        Duration::from_nanos(self.behind)
    }

    /// For how long the machine slept (was suspended), as far as that was noticed: time that the monotonic clock did not see, and
    /// that was added. A wall clock that is set forward looks the same. Noticed with the first event or question of the next slot; what
    /// was counted between the waking and then counts as before the sleep.
    #[must_use]
    pub const fn slept(&self) -> Duration {
        Duration::from_nanos(self.slept)
    }

    /// How many of the events (or slices) of the period might have been bad, rounded down.
    #[must_use]
    pub const fn allowed_bad(&self) -> u128 {
        self.objective.allowed_bad(self.period.counts)
    }

    /// The consumed share of what the traffic of the period, so far as it was seen, allows:
    /// `bad / (budget × events)`. Above 1 when it is overspent; `None` when nothing was counted.
    #[must_use]
    pub fn consumed(&self) -> Option<f64> {
        self.period.burn_rate.map(BurnRate::as_f64)
    }

    /// `1 - consumed`: negative when it is overspent, and never clamped.
    #[must_use]
    pub fn remaining(&self) -> Option<f64> {
        self.consumed().map(|consumed| 1.0 - consumed)
    }

    /// The consumed share of what a whole period would allow, if its traffic were as that seen so far:
    /// [`consumed`](Self::consumed) × [`coverage`](WindowReport::coverage). The same as `consumed` once a
    /// whole period was seen; before that an error weighs as much as it will then. This is what a
    /// [`Gate`](crate::Gate) closes on.
    #[must_use]
    pub fn consumed_of_period(&self) -> Option<f64> {
        // An infinite burn stays infinite however short the time.
        self.consumed().map(|consumed| {
            if consumed.is_finite() {
                consumed * self.period.coverage()
            } else {
                consumed
            }
        })
    }

    /// Whether all of a whole period's budget is consumed: [`consumed_of_period`](Self::consumed_of_period) is 1 or more, exactly.
    /// `None` when nothing was counted.
    #[must_use]
    pub fn is_spent(&self) -> Option<bool> {
        let WindowReport {
            window, observed, ..
        } = self.period;
        let burn = self.period.burn_rate?;
        let line = Factor::ratio(ticks(window), ticks(observed));
        // Nothing was seen for any time: only where there is no budget can it be spent.
        Some(line.map_or(burn.as_f64().is_infinite(), |line| burn >= line))
    }

    /// What is counted: `"events"`, `"slices"`, or `"billionths of slices"`, as [`Budgeting`](crate::Budgeting) has it.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self.slices {
            None => "events",
            Some(SliceRule {
                target: Some(_), ..
            }) => "slices",
            Some(SliceRule { target: None, .. }) => "billionths of slices",
        }
    }

    /// In how long the budget of the period is spent at the burn rate of the first window: zero when it is
    /// spent, `None` when it never will be at this rate (or not before the calendar's period ends), or there is no data.
    #[must_use]
    pub fn time_to_exhaustion(&self) -> Option<Duration> {
        if self.is_spent()? {
            return Some(Duration::ZERO);
        }
        // Above 0 but for the rounding of an `f64`.
        let remaining = (1.0 - self.consumed_of_period()?).max(0.0);
        let burn = self.windows().next()?.burn_rate?.as_f64();
        if burn <= 0.0 {
            return None;
        }
        let seconds = self.period.window.as_secs_f64() * remaining / burn;
        // Longer than a `Duration` can say is never.
        let time = Duration::try_from_secs_f64(seconds).ok()?;
        // A period of the calendar that ends before leaves a whole budget.
        let in_time = self
            .left
            .is_none_or(|left| time < Duration::from_nanos(left));
        in_time.then_some(time)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            objective,
            period,
            ..
        } = self;
        write!(f, "`{name}`, {objective} over ")?;
        match self.calendar {
            None => write!(f, "{}: ", Spoken(period.window))?,
            Some(calendar) => write!(f, "{calendar}: ")?,
        }
        // Of a whole period: so that it does not contradict when the budget is spent.
        let Some(consumed) = self.consumed_of_period() else {
            return f.write_str("no data");
        };
        let counts = SpokenCounts(self.slices, period.counts);
        let allowed = Amount(self.slices, self.allowed_bad());
        write!(f, "{counts} where {allowed} may be")?;
        let is_partial = period.observed < period.window;
        if is_partial {
            write!(f, " (observed for {})", Spoken(period.observed))?;
        }
        if consumed.is_finite() {
            let whole = if is_partial {
                "a whole period's"
            } else {
                "the"
            };
            write!(f, ", {:.1} % of {whole} budget consumed", consumed * 100.0)?;
        } else {
            f.write_str(", and there is no budget to consume")?;
        }
        for (n, window) in self.windows().enumerate() {
            f.write_str(if n == 0 { "; burn rate " } else { ", " })?;
            match window.burn_rate {
                Some(burn) => write!(f, "{burn} over {}", Spoken(window.window))?,
                None => write!(f, "no data over {}", Spoken(window.window))?,
            }
        }
        match self.time_to_exhaustion() {
            None => Ok(()),
            Some(Duration::ZERO) => f.write_str("; the budget is spent"),
            Some(left) => write!(f, "; at this rate the budget is spent in {}", Spoken(left)),
        }
    }
}

// === impl WindowReport ===

impl WindowReport {
    /// The length of the window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// What was counted in it.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How fast the budget burned in it: `None` when nothing was counted.
    #[must_use]
    pub const fn burn_rate(&self) -> Option<BurnRate> {
        self.burn_rate
    }

    /// The share of the window for which the budget has existed, from 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.observed.as_secs_f64() / self.window.as_secs_f64()
    }
}
