use std::{fmt, sync::Arc, time::Duration};

use crate::{
    record::{
        Settings,
        budgeting_method::{Amount, SliceRule, SpokenCounts},
        period::Periods,
        recorder::View,
    },
    types::{
        BurnRate, Counts, Factor, Objective,
        duration::{Spoken, ticks},
        few::Few,
        subject::Subject,
    },
};

/// All figures of a budget at one moment. Made by [`ErrorBudget::report`](crate::ErrorBudget::report).
///
/// Its `Display` is a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    subject: Subject,
    objective: Objective,
    period: WindowReport,
    windows: Few<WindowReport>,
    slices: Option<SliceRule>,
    /// The names of the unit and of the time zone.
    calendar: Option<(&'static str, &'static str)>,
    /// The time until the period of the calendar ends.
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
    pub(crate) fn new(subject: Subject, settings: &Settings, view: &View<'_>) -> Self {
        let figures = |window: u64, counts, observed| WindowReport {
            window: Duration::from_nanos(window),
            counts,
            burn_rate: settings.objective.burn_rate(counts),
            observed: Duration::from_nanos(observed),
        };
        let window = |window: u64| figures(window, view.window(window), window.min(view.tick()));
        let whole = view.whole(settings.period);
        Self {
            subject,
            objective: settings.objective,
            period: figures(whole.length, whole.counts, whole.observed),
            windows: settings.windows.map(|length| length.map(window)),
            slices: settings.slices,
            calendar: (settings.calendar.as_deref()).map(Periods::names),
            left: whole.left,
            behind: view.behind(),
            steps_back: view.steps_back(),
            slept: view.slept(),
        }
    }

    /// The name of the budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.subject.name()
    }

    /// The key of a member of a family that [shows its keys](crate::ErrorBudgets::show_keys).
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.subject.key()
    }

    /// The share of events that must be good.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The figures of the period; for a period of the calendar, of the part that has passed. Its
    /// [`window`](WindowReport::window) is the length of the whole period, and its burn rate is exactly the consumed
    /// share of the budget.
    #[must_use]
    pub const fn period(&self) -> &WindowReport {
        &self.period
    }

    /// The figures of the configured windows, in that order.
    pub fn windows(&self) -> impl Iterator<Item = &WindowReport> {
        self.windows.iter().flatten()
    }

    /// How often the clock went back by more than a slot: a caller passed an instant before one that was passed
    /// earlier. Time stands still until the clock has caught up. A thread that pauses for longer than a slot between
    /// its clock read and its call has the same effect.
    #[must_use]
    pub const fn clock_steps_back(&self) -> u64 {
        self.steps_back
    }

    /// How far the clock is behind the latest instant seen. Zero, except after a step back, or after a caller passed
    /// an instant in the future.
    #[must_use]
    pub const fn clock_behind(&self) -> Duration {
        Duration::from_nanos(self.behind)
    }

    /// How long the machine was suspended. The monotonic clock does not count that time, so it is added. A wall
    /// clock that is set forward has the same effect.
    ///
    /// It is noticed at the first event or query of the next slot. Events between the resumption and that moment
    /// count as before the suspension.
    #[must_use]
    pub const fn slept(&self) -> Duration {
        Duration::from_nanos(self.slept)
    }

    /// How many events (or slices) of the period were allowed to be bad, rounded down.
    #[must_use]
    pub const fn allowed_bad(&self) -> u128 {
        self.objective.allowed_bad(self.period.counts)
    }

    /// The consumed share of the budget that the traffic of the period allows until now:
    /// `bad / (budget × events)`. Above 1 if it is overspent, `None` if nothing was counted.
    #[must_use]
    pub fn consumed(&self) -> Option<f64> {
        self.period.burn_rate.map(BurnRate::as_f64)
    }

    /// `1 - consumed`: negative if it is overspent, and never clamped.
    #[doc(alias = "errorBudgetRemaining")]
    #[must_use]
    pub fn remaining(&self) -> Option<f64> {
        self.consumed().map(|consumed| 1.0 - consumed)
    }

    /// The consumed share of the budget of a whole period, assuming that the traffic continues as it was:
    /// [`consumed`](Self::consumed) × [`coverage`](WindowReport::coverage). Equal to `consumed` once a whole period
    /// was observed; before that an error weighs as much as it will then. The pace of a [`Gate`](crate::Gate) falls
    /// with this figure.
    #[must_use]
    pub fn consumed_of_period(&self) -> Option<f64> {
        // An infinite burn rate stays infinite, however short the time.
        self.consumed().map(|consumed| {
            if consumed.is_finite() {
                consumed * self.period.coverage()
            } else {
                consumed
            }
        })
    }

    /// Whether the budget of a whole period is consumed: [`consumed_of_period`](Self::consumed_of_period) is 1 or
    /// more, decided exactly. `None` if nothing was counted.
    #[must_use]
    pub fn is_spent(&self) -> Option<bool> {
        let WindowReport {
            window, observed, ..
        } = self.period;
        let burn = self.period.burn_rate?;
        let line = Factor::ratio(ticks(window), ticks(observed));
        // Observed for no time at all: only an empty budget can be spent.
        Some(line.map_or(burn.as_f64().is_infinite(), |line| burn >= line))
    }

    /// The unit of the counts: `"events"`, `"slices"` or `"billionths of slices"`; see [`Budgeting`](crate::Budgeting).
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

    /// The time until the budget is spent at the burn rate of the first window. Zero if it is spent. `None` if it
    /// never will be at this rate, or not before the period of the calendar ends, or if there is no data.
    #[must_use]
    pub fn time_to_exhaustion(&self) -> Option<Duration> {
        if self.is_spent()? {
            return Some(Duration::ZERO);
        }
        // Below 0 only by the rounding of an `f64`.
        let remaining = (1.0 - self.consumed_of_period()?).max(0.0);
        let burn = self.windows().next()?.burn_rate?.as_f64();
        if burn <= 0.0 {
            return None;
        }
        let seconds = self.period.window.as_secs_f64() * remaining / burn;
        // A time that does not fit a `Duration` is never.
        let time = Duration::try_from_secs_f64(seconds).ok()?;
        // The next period of the calendar starts with a full budget.
        let in_time = self
            .left
            .is_none_or(|left| time < Duration::from_nanos(left));
        in_time.then_some(time)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            objective,
            period,
            ..
        } = self;
        write!(f, "{subject}, {objective} over ")?;
        match self.calendar {
            None => write!(f, "{}: ", Spoken(period.window))?,
            Some((unit, zone)) => write!(f, "the {unit} in {zone}: ")?,
        }
        // Of a whole period, so that it agrees with whether the budget is spent.
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

    /// How fast the budget burned in it. `None` if nothing was counted.
    #[must_use]
    pub const fn burn_rate(&self) -> Option<BurnRate> {
        self.burn_rate
    }

    /// The observed share of the window, from 0 to 1: for how much of it the budget has existed.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.observed.as_secs_f64() / self.window.as_secs_f64()
    }
}
