//! The low-traffic guard of the rules, by the normal distribution.
//!
//! A process asks the binomial distribution whether the bad events may be chance. Prometheus has no binomial, so the
//! rules use the normal distribution with the binomial's variance: `bad >= 1 + b n + 2.326 sqrt(b (1 - b) n)`, where `b`
//! is the budget and the 1 accounts for whole numbers. For budgets of 1/3 to 1/100,000 and up to 5,000 expected bad
//! events this threshold equals the exact one or is one event off. What it lets through has a probability of at most
//! 1.15 %. A fixed number of bad events would have to be larger for each factor nearer to 1, and no number is enough at a
//! factor of 1, which the tickets over 3 d have.

use crate::{spec::number::float, types::Objective};

/// The number of bad events that is unlikely to be chance, for an objective.
#[derive(Clone, Copy, Debug)]
pub(super) struct LowTraffic {
    mean: f64,
    variance: f64,
}

/// The normal distribution exceeds its mean by this number of standard deviations with a probability of 1 %.
const DEVIATIONS: f64 = 2.326;

impl LowTraffic {
    pub(super) fn of(objective: Objective) -> Self {
        let of = u128::from(objective.of());
        let bad = u128::from(objective.budget());
        Self {
            mean: float(bad, of),
            variance: float(bad * (of - bad), of * of),
        }
    }

    /// The fewest bad events among this number of events.
    pub(super) fn least_bad(self, events: f64) -> f64 {
        1.0 + self.mean * events + DEVIATIONS * (self.variance * events).sqrt()
    }

    /// The same for a `share` of bad events among `events`, as an expression for Prometheus.
    pub(super) fn expr(self, share: &str, events: &str) -> String {
        let Self { mean, variance } = self;
        format!("({share} - {mean}) * {events} >= 1 + {DEVIATIONS} * sqrt({variance} * {events})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{burn::significance::is_unlikely, types::Counts};

    #[test]
    fn the_normal_guard_is_within_one_event_of_the_binomial() {
        for (good, of) in [
            (2, 3),
            (9, 10),
            (95, 100),
            (99, 100),
            (999, 1000),
            (99_999, 100_000),
        ] {
            let objective = Objective::new(good, of).unwrap();
            let guard = LowTraffic::of(objective);
            for expected in (1..400)
                .map(|n| f64::from(n) / 10.0)
                .chain([100.0, 300.0, 1000.0, 5000.0])
            {
                let events = (expected / guard.mean).ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole, and small"
                )]
                let (events, least) = (events as u64, guard.least_bad(events).ceil() as u64);
                let is_evident = |bad: u64, limit| {
                    bad <= events && is_unlikely(objective, Counts::new(events - bad, bad), limit)
                };
                // What it lets through is chance with a probability of 1.15 % at most. One event more than the binomial
                // asks for is always enough.
                let none = least > events;
                assert!(
                    none || is_evident(least, 0.0115),
                    "{least} of {events} at {objective}"
                );
                assert!(
                    !is_evident(least.saturating_sub(2), 0.01),
                    "{least} of {events} at {objective}"
                );
            }
        }
    }
}
