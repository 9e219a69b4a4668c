//! The times of a specification in ticks, and the alerts that its rules have to show.
//!
//! The expectations come from [`BurnRate`](crate::BurnRate) and [`Factor`](crate::Factor) in integers, at each
//! evaluation. Prometheus computes with floating point. Where a window is within 1e-9 of its threshold without being at it,
//! or at it in integers and not in floating point, rounding would decide, and nothing is expected.

use std::time::Duration;

use super::history::History;
use crate::{
    spec::{
        Pair, Spec,
        indicator::Role,
        low_traffic::LowTraffic,
        number::{float, human_percentage},
    },
    types::Counts,
};

/// A specification on the time grid of the tests.
#[derive(Debug)]
pub(super) struct Grid<'a> {
    pub(super) spec: &'a Spec,
    /// A series for each counter of the indicator.
    pub(super) series: [(Role, String); 2],
    /// The time between two samples of a counter.
    pub(super) tick: Duration,
    /// The ticks between two evaluations of the rules.
    pub(super) interval: u64,
    /// The ticks of a step in which the period is summed.
    pub(super) step: u64,
    pub(super) period: u64,
    guard: LowTraffic,
    pub(super) alerts: Vec<Alert>,
}

/// One alert on the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alert {
    pub(super) pair: Pair,
    pub(super) long: u64,
    pub(super) short: u64,
    /// As a fraction. An objective has at most twelve decimals, so both fit.
    pub(super) threshold: (u64, u64),
    min_bad: u64,
}

/// An alert that fires, with the share of bad events that its annotation shows.
#[derive(Clone, Debug)]
pub(super) struct Firing {
    /// The position of the alert in the specification.
    pub(super) index: usize,
    pub(super) value: String,
}

/// The relative distance to a threshold below which rounding could decide.
const TOO_NEAR: f64 = 1e-9;

impl<'a> Grid<'a> {
    pub(super) fn of(spec: &'a Spec, series: [(Role, String); 2]) -> Self {
        let interval = spec.evaluation_interval();
        // Two samples in each interval, or one where half of it is not a whole number of milliseconds.
        let samples = if interval.as_millis() % 2 == 0 { 2 } else { 1 };
        let tick = interval / samples;
        let narrow = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        let ticks = |time: Duration| narrow(time.as_nanos() / tick.as_nanos());
        let alert = |pair: &Pair| {
            let (above, of) = pair.threshold(spec.objective);
            Alert {
                pair: *pair,
                long: ticks(pair.windows.long),
                short: ticks(pair.windows.short),
                threshold: (narrow(above), narrow(of)),
                min_bad: spec.min_bad_of(pair.severity),
            }
        };
        Self {
            spec,
            series,
            tick,
            interval: samples.into(),
            step: ticks(spec.step()),
            period: ticks(spec.period),
            guard: LowTraffic::of(spec.objective),
            alerts: spec.alerts.iter().map(alert).collect(),
        }
    }

    pub(super) fn ticks(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / self.tick.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The alerts that fire at `tick`, or `None` where rounding would decide about one of them.
    pub(super) fn firing(&self, history: &History, tick: u64) -> Option<Vec<Firing>> {
        let mut firing = Vec::new();
        for (index, alert) in self.alerts.iter().enumerate() {
            if self.fires(alert, history, tick)? {
                let share = share(history.window(tick, alert.long));
                let value = human_percentage(share);
                let is_shown = |factor| human_percentage(share * factor) == value;
                if ![1.0 - 1e-12, 1.0 + 1e-12].into_iter().all(is_shown) {
                    return None;
                }
                firing.push(Firing { index, value });
            }
        }
        Some(firing)
    }

    /// Whether `alert` fires at `tick`, or `None` where rounding would decide.
    pub(super) fn fires(&self, alert: &Alert, history: &History, tick: u64) -> Option<bool> {
        let long = self.burns(alert, history.window(tick, alert.long), alert.long)?;
        let short = self.burns(alert, history.window(tick, alert.short), alert.short)?;
        let counts = history.window(tick, alert.long);
        Some(long && short && self.is_enough(alert, counts)?)
    }

    /// Whether there are enough bad events for the guard of `alert`.
    pub(super) fn is_enough(&self, alert: &Alert, counts: Counts) -> Option<bool> {
        let bad = float(counts.bad().into(), 1);
        let least = self.guard.least_bad(float(counts.total(), 1));
        let is_near = (bad - least).abs() < least * TOO_NEAR;
        (!is_near).then_some(counts.bad() >= alert.min_bad && bad >= least)
    }

    /// Whether `counts` of a `window` are above the threshold of `alert`.
    fn burns(&self, alert: &Alert, counts: Counts, window: u64) -> Option<bool> {
        let Some(burn) = self.spec.objective.burn_rate(counts) else {
            return Some(false);
        };
        let (above, of) = (alert.threshold.0.into(), alert.threshold.1.into());
        let threshold = float(above, of);
        let is_near = (share(counts) - threshold).abs() < threshold * TOO_NEAR;
        let is_at_it = u128::from(counts.bad()) * of == counts.total() * above;
        if is_near && !(is_at_it && self.rounds_to(threshold, counts, window)) {
            return None;
        }
        Some(burn > alert.pair.factor)
    }

    /// Whether Prometheus computes exactly `threshold`: it multiplies the increase of each counter by one through the seconds
    /// of the window. The three ways to combine the counters of an indicator all have to agree.
    fn rounds_to(&self, threshold: f64, counts: Counts, window: u64) -> bool {
        let seconds = self.tick.as_secs_f64() * float(window.into(), 1);
        let rate = |events: u128| float(events, 1) * (1.0 / seconds);
        let (bad, good) = (rate(counts.bad().into()), rate(counts.good().into()));
        let all = rate(counts.total());
        let shares = [bad / (bad + good), bad / all, (all - good) / all];
        (shares.iter()).all(|share| share.to_bits() == threshold.to_bits())
    }
}

fn share(counts: Counts) -> f64 {
    float(counts.bad().into(), counts.total())
}
