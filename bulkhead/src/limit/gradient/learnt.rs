//! What Gradient2 learns from its windows, and the next limit.

use std::time::Duration;

use super::{Gradient2, Probe};
use crate::limit::Window;

/// What was learnt. Latencies in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Learnt {
    /// The limit with its fraction: near the floor a step is smaller than a place, and without it the limit would stay there.
    /// A probe does not change it, and ends with it.
    pub(super) limit: f64,
    /// The last answer. A window with another limit means that an operator set it.
    pub(super) answered: usize,
    baseline: f64,
    lowest: f64,
    windows: u32,
    /// Windows since the last probe.
    since_probe: u32,
    pub(super) probing: Option<Probing>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Probing {
    /// Calls that were admitted under the former limit are still in flight.
    Settling,
    Measuring,
}

/// The baseline is a plain mean for this number of windows before it becomes an exponential one, as in the original.
const WARM_UP: u32 = 10;

impl Learnt {
    pub(super) const NOTHING: Self = Self {
        limit: 0.0,
        answered: 0,
        baseline: 0.0,
        lowest: f64::INFINITY,
        windows: 0,
        since_probe: 0,
        probing: None,
    };
}

impl Gradient2 {
    fn observe(&mut self, latency: f64) {
        let Learnt {
            baseline, windows, ..
        } = self.learnt;
        let windows = windows.saturating_add(1);
        let weight = if windows <= WARM_UP {
            1.0 / f64::from(windows)
        } else {
            2.0 / (f64::from(self.numbers.memory) + 1.0)
        };
        // Not `baseline + (latency - baseline) * weight`: after an enormous latency that is 0 for ever, as proptest found.
        let mut next = baseline * (1.0 - weight) + latency * weight;
        if next > 2.0 * latency {
            next *= 0.95; // it was learnt in bad times, which have ended
        }
        self.learnt.windows = windows;
        self.settle_baseline(next);
    }

    fn settle_baseline(&mut self, next: f64) {
        let healthy = self.numbers.healthy.map_or(f64::INFINITY, micros);
        let next = next
            .min(healthy)
            .min(self.learnt.lowest * self.numbers.drift);
        self.learnt.baseline = next;
        self.learnt.lowest = self.learnt.lowest.min(next);
    }

    fn gradient(&self, latency: f64) -> f64 {
        (self.numbers.tolerance * self.learnt.baseline / latency).clamp(0.5, 1.0)
    }

    /// Continues a probe, or begins one. `None` outside a probe.
    pub(super) fn probing(&mut self, window: &Window) -> Option<f64> {
        let Probe { places, windows } = self.numbers.probe?;
        #[expect(clippy::cast_precision_loss, reason = "a limit, which has 30 bits")]
        let places = places.max(1) as f64;
        match self.learnt.probing {
            Some(Probing::Settling) => {
                self.learnt.probing = Some(Probing::Measuring);
                Some(places)
            }
            Some(Probing::Measuring) => {
                self.learnt.probing = None;
                self.learnt.since_probe = 0;
                if let (Some(latency), 0) = (window.latency(), window.overloads()) {
                    self.settle_baseline(micros(latency));
                }
                Some(self.learnt.limit)
            }
            None => {
                self.learnt.since_probe = self.learnt.since_probe.saturating_add(1);
                if self.learnt.since_probe < windows || self.learnt.limit <= places {
                    return None;
                }
                self.learnt.probing = Some(Probing::Settling);
                Some(places)
            }
        }
    }

    /// The limit by the formula, before it is clamped.
    pub(super) fn follow(&mut self, window: &Window) -> f64 {
        let limit = self.learnt.limit;
        let target = match window.latency().map(micros) {
            _ if window.overloads() > 0 => limit * 0.5,
            None => return limit,
            Some(latency) => {
                self.observe(latency);
                let target = limit * self.gradient(latency) + self.numbers.headroom;
                // It falls always, and rises only if the limit was used.
                if window.was_used() {
                    target
                } else {
                    target.min(limit)
                }
            }
        };
        limit * (1.0 - self.numbers.smoothing) + target * self.numbers.smoothing
    }
}

/// At least one, so that nothing is divided by zero.
fn micros(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 1e6).max(1.0)
}
