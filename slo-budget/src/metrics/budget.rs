use std::time::Duration;

use metrics::Label;
use tokio::time::Instant;

use super::{Metric, Series};
use crate::{
    budget::ErrorBudget,
    report::{Report, WindowReport},
    types::{BurnRate, Counts, Objective, duration::Spoken},
};

const EVENTS: Metric = Metric(
    "maestro_slo_budget_events_total",
    "Events counted, by outcome",
);
const OBJECTIVE: Metric = Metric(
    "maestro_slo_budget_objective_ratio",
    "The share of events that must be good",
);
const REMAINING: Metric = Metric(
    "maestro_slo_budget_remaining_ratio",
    "The share of the budget that is left; NaN without data",
);
const BURN_RATE: Metric = Metric(
    "maestro_slo_budget_burn_rate",
    "How fast the budget burns, by window; NaN without data",
);

/// The figures of one budget, or the sums of several.
pub(super) struct Figures {
    /// What was counted since the last time.
    events: Counts,
    period: Counts,
    windows: Vec<(Duration, Counts)>,
    /// The windows that were published the last time and are configured no more.
    gone: Vec<Duration>,
}

impl ErrorBudget {
    /// Publishes the figures of the budget as metrics. Feature `metrics`.
    ///
    /// Call it before each scrape, or every few seconds where metrics are pushed: the figures change with time, also while
    /// nothing is counted, and nothing else publishes them. Before a recorder is installed it publishes to nobody. It costs
    /// a [`report`](Self::report) and a look-up in the recorder for each metric.
    ///
    /// | metric | labels | |
    /// |---|---|---|
    /// | `maestro_slo_budget_events_total` | `name`, `key`, `outcome`: `good`, `bad` | counter of events, also where the budget counts slices; without those of a restored history |
    /// | `maestro_slo_budget_objective_ratio` | `name`, `key` | gauge: 0.999 for 99.9 % |
    /// | `maestro_slo_budget_remaining_ratio` | `name`, `key` | gauge, as [`remaining`](Self::remaining) |
    /// | `maestro_slo_budget_burn_rate` | `name`, `key`, `window`: `1h` … | gauge for each [window](crate::Builder::windows) of the report |
    ///
    /// Without data a gauge is NaN: its last value would keep an alert firing. So is, once, the burn rate of a window that
    /// [`reconfigure`](Self::reconfigure) has removed. Members of a family have the label `key` if
    /// the family labels its metrics; use `ErrorBudgets::publish_metrics` for them.
    pub fn publish_metrics(&self) {
        let identity = self.core().identity();
        let series = Series::new(self.name(), identity.label().cloned());
        Figures::take(self, Instant::now()).publish(&series, self.objective());
    }
}

impl Figures {
    /// Takes what is new since the last time.
    pub(super) fn take(budget: &ErrorBudget, now: Instant) -> Self {
        let core = budget.core();
        let view = core.view(now);
        let settings = core.settings();
        let before = core.publish(&view, settings.windows);
        let gone = (before.windows.into_iter())
            .filter(|window| !settings.windows.contains(window))
            .flatten();
        let report = Report::new(core.subject(), &settings, &view);
        let counts = |window: &WindowReport| (window.window(), window.counts());
        Self {
            events: view.events().since(before.events),
            period: report.period().counts(),
            windows: report.windows().map(counts).collect(),
            gone: gone.map(Duration::from_nanos).collect(),
        }
    }

    /// The same windows with nothing in them.
    #[cfg(feature = "family")]
    pub(super) fn none(&self) -> Self {
        let nothing = Counts::default();
        Self {
            events: nothing,
            period: nothing,
            windows: (self.windows.iter())
                .map(|(window, _)| (*window, nothing))
                .collect(),
            gone: self.gone.clone(),
        }
    }

    /// Adds the figures of another budget. Its windows differ if the family was reconfigured meanwhile: only those that
    /// both have are added.
    #[cfg(feature = "family")]
    pub(super) fn add(&mut self, other: &Self) {
        self.events = self.events + other.events;
        self.period = self.period + other.period;
        for (window, sum) in &mut self.windows {
            let same = (other.windows.iter()).find(|(other, _)| other == window);
            if let Some((_, counts)) = same {
                *sum = *sum + *counts;
            }
        }
    }

    pub(super) fn publish(&self, series: &Series, objective: Objective) {
        series.count(&EVENTS, ("outcome", "good"), self.events.good());
        series.count(&EVENTS, ("outcome", "bad"), self.events.bad());
        series.set(&OBJECTIVE, None, 1.0 - objective.budget_share());
        let burn = |counts| objective.burn_rate(counts).map(BurnRate::as_f64);
        let remaining = burn(self.period).map_or(f64::NAN, |consumed| 1.0 - consumed);
        series.set(&REMAINING, None, remaining);
        let set_burn_rate = |window: Duration, burn_rate| {
            let label = Label::new("window", Spoken(window).to_string());
            series.set(&BURN_RATE, Some(label), burn_rate);
        };
        // First: two windows may have the same label, as it has two units.
        for window in &self.gone {
            set_burn_rate(*window, f64::NAN);
        }
        for (window, counts) in &self.windows {
            set_burn_rate(*window, burn(*counts).unwrap_or(f64::NAN));
        }
    }
}
