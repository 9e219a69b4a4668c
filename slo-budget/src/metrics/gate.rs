use tokio::time::Instant;

use super::{Metric, Series};
use crate::gate::{Change, Done, Gate};

const SHARE: Metric = Metric(
    "maestro_slo_budget_gate_share",
    "The share of optional requests that is admitted",
);
const FORCED: Metric = Metric(
    "maestro_slo_budget_gate_forced",
    "Gates under an operator's override",
);
const REFUSED: Metric = Metric(
    "maestro_slo_budget_gate_refused_total",
    "Optional requests refused, by cause",
);
const TRANSITIONS: Metric = Metric(
    "maestro_slo_budget_gate_transitions_total",
    "Changes of the gate, by cause",
);

/// The figures of one gate, or of several together.
pub(super) struct Figures {
    share: f64,
    forced: u32,
    done: Done,
}

impl Gate {
    /// Publishes the figures of the gate as metrics. Feature `metrics`.
    ///
    /// Call it before each scrape, or every few seconds where metrics are pushed: nothing else publishes them. It decides
    /// again if a second has passed, so the share rises in the metrics also while no request comes. The figures of the
    /// budget are published by [`ErrorBudget::publish_metrics`](crate::ErrorBudget::publish_metrics).
    ///
    /// | metric | labels | |
    /// |---|---|---|
    /// | `maestro_slo_budget_gate_share` | `name`, `key` | gauge: the admitted share of optional requests, 1 while the gate is open |
    /// | `maestro_slo_budget_gate_forced` | `name`, `key` | gauge: 1 under an override |
    /// | `maestro_slo_budget_gate_refused_total` | `name`, `key`, `cause`: `policy`, `forced` | counter |
    /// | `maestro_slo_budget_gate_transitions_total` | `name`, `key`, `cause`: `refusing`, `recovered`, `paused`, `forced`, `resumed`, `override_over` | counter of [changes](crate::Change) |
    ///
    /// `name` is that of the budget. Two gates on one budget have the same labels: their counters add up, and the gauges are
    /// those of the gate that is published last.
    pub fn publish_metrics(&self) {
        let identity = self.budget().core().identity();
        let series = Series::new(self.budget().name(), identity.label().cloned());
        Figures::take(self, Instant::now()).publish(&series);
    }
}

impl Figures {
    /// Takes what is new since the last time.
    pub(super) fn take(gate: &Gate, now: Instant) -> Self {
        // First, as it may change the gate.
        let snapshot = gate.snapshot_at(now);
        Self {
            share: snapshot.share(),
            forced: snapshot.is_forced().into(),
            done: gate.take_done(),
        }
    }

    /// Of no gate.
    #[cfg(feature = "family")]
    pub(super) fn none() -> Self {
        Self {
            share: 1.0,
            forced: 0,
            done: Done::default(),
        }
    }

    /// Adds another gate. The share is that of the gate that admits least.
    #[cfg(feature = "family")]
    pub(super) fn add(&mut self, other: &Self) {
        self.share = self.share.min(other.share);
        self.forced = self.forced.saturating_add(other.forced);
        self.done.add(&other.done);
    }

    pub(super) fn publish(&self, series: &Series) {
        series.set(&SHARE, None, self.share);
        series.set(&FORCED, None, self.forced.into());
        for (cause, more) in ["policy", "forced"].into_iter().zip(self.done.refused) {
            series.count(&REFUSED, ("cause", cause), more);
        }
        for (cause, more) in Change::CAUSES.into_iter().zip(self.done.changes) {
            series.count(&TRANSITIONS, ("cause", cause), more);
        }
    }
}
