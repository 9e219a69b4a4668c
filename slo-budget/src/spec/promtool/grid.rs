//! The times of a specification in ticks, and the alerts that its rules have to show.
//!
//! The expectations come from [`BurnRate`](crate::BurnRate) and [`Factor`](crate::Factor) in integers, at each
//! evaluation. Prometheus computes with floating point. Where a window is within 1e-9 of its threshold without being at it,
//! rounding would decide, and nothing is expected.

use std::time::Duration;

use super::history::History;
use crate::{
    spec::{
        Pair, Spec,
        indicator::Role,
        low_traffic::LowTraffic,
        number::{Written, float},
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
    guard: LowTraffic,
    pub(super) alerts: Vec<Alert>,
}

/// A window in ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) ticks: u64,
    /// Where it is a sum of steps.
    pub(super) step: Option<u64>,
}

/// One alert on the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alert {
    pub(super) pair: Pair,
    pub(super) long: Window,
    pub(super) short: Window,
    /// As a fraction. An objective has at most twelve decimals, so both fit.
    pub(super) threshold: (u64, u64),
    min_bad: u64,
}

/// The relative distance to a threshold below which rounding could decide.
const TOO_NEAR: f64 = 1e-9;

impl<'a> Grid<'a> {
    pub(super) fn of(spec: &'a Spec, series: [(Role, String); 2]) -> Self {
        let divisor = spec.common_divisor();
        // Two samples in the shortest step, or one where half of it is not a whole number of milliseconds.
        let tick = divisor / if divisor.as_millis() % 2 == 0 { 2 } else { 1 };
        let mut grid = Self {
            spec,
            series,
            tick,
            interval: 0,
            step: 0,
            guard: LowTraffic::of(spec.objective),
            alerts: Vec::new(),
        };
        grid.interval = grid.ticks(spec.evaluation_interval());
        grid.step = grid.ticks(spec.step());
        let narrow = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        let alert = |pair: &Pair| {
            let (above, of) = pair.threshold(spec.objective);
            Alert {
                pair: *pair,
                long: grid.window(pair.windows.long),
                short: grid.window(pair.windows.short),
                threshold: (narrow(above), narrow(of)),
                min_bad: spec.min_bad_of(pair.severity),
            }
        };
        grid.alerts = spec.alerts.iter().map(alert).collect();
        grid
    }

    pub(super) fn ticks(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / self.tick.as_nanos()).unwrap_or(u64::MAX)
    }

    /// A time as promtool reads it.
    pub(super) fn time(&self, ticks: u64) -> String {
        let time = self.tick * u32::try_from(ticks).unwrap_or(u32::MAX);
        if time.is_zero() {
            "0s".to_owned()
        } else {
            Written(time).to_string()
        }
    }

    pub(super) fn window(&self, window: Duration) -> Window {
        Window {
            ticks: self.ticks(window),
            step: self.spec.step_of(window).map(|step| self.ticks(step)),
        }
    }

    /// What is recorded of a `window` that ends at `tick`. A sum of steps has those of the evaluations, the one at its left
    /// edge included.
    pub(super) fn counts(&self, history: &History, window: Window, tick: u64) -> Option<Counts> {
        let Some(step) = window.step else {
            return history.window(tick, window.ticks);
        };
        let first = tick.saturating_sub(window.ticks).div_ceil(self.interval);
        let steps =
            (first..=tick / self.interval).filter_map(|n| history.window(n * self.interval, step));
        steps.reduce(|all, step| all + step)
    }

    /// Whether `alert` fires at `tick`, or `None` where rounding would decide. The `known` window had no good event at that
    /// tick.
    pub(super) fn fires(
        &self,
        alert: &Alert,
        history: &History,
        tick: u64,
        known: Option<u64>,
    ) -> Option<bool> {
        let Some(counts) = self.counts(history, alert.long, tick) else {
            return Some(false);
        };
        let since = tick.saturating_sub(alert.long.ticks + alert.short.ticks);
        let evaluations = (since.div_ceil(self.interval)..=tick / self.interval).rev();
        let last = evaluations.map(|n| n * self.interval).find_map(|at| {
            let counts = self.counts(history, alert.short, at)?;
            (counts.total() > 0).then_some((at, counts))
        });
        let known = known.filter(|at| *at >= since && last.is_none_or(|(last, _)| last < *at));
        let short = match (known, last) {
            (Some(_), _) => true,
            (None, Some((_, counts))) => self.burns(alert, counts)?,
            (None, None) => false,
        };
        Some(self.burns(alert, counts)? && short && self.is_enough(alert, counts)?)
    }

    /// Whether there are enough bad events for the guard of `alert`.
    pub(super) fn is_enough(&self, alert: &Alert, counts: Counts) -> Option<bool> {
        let bad = float(counts.bad().into(), 1);
        let least = self.guard.least_bad(float(counts.total(), 1));
        let is_near = (bad - least).abs() < least * TOO_NEAR;
        (!is_near).then_some(counts.bad() >= alert.min_bad && bad >= least)
    }

    /// Whether `counts` are above the threshold of `alert`. A share that is exactly at it is so in floating point, too: it is
    /// a quotient of whole numbers, as the threshold is.
    fn burns(&self, alert: &Alert, counts: Counts) -> Option<bool> {
        let Some(burn) = self.spec.objective.burn_rate(counts) else {
            return Some(false);
        };
        let (above, of) = (alert.threshold.0.into(), alert.threshold.1.into());
        let threshold = float(above, of);
        let is_near = (share(counts) - threshold).abs() < threshold * TOO_NEAR;
        let is_at_it = u128::from(counts.bad()) * of == counts.total() * above;
        (!is_near || is_at_it).then_some(burn > alert.pair.factor)
    }
}

pub(super) fn share(counts: Counts) -> f64 {
    float(counts.bad().into(), counts.total())
}
