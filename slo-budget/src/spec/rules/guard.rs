use crate::{spec::number::float, types::Objective};

/// That so many bad events are hardly chance: what a process asks of the binomial law, by the normal law with the
/// variance of the binomial, as Prometheus has no other. It agrees with 1 % to within one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    mean: f64,
    variance: f64,
}

/// The normal law exceeds its mean by so many standard deviations with a probability of 1 %.
const DEVIATIONS: f64 = 2.326;

impl Evidence {
    pub(crate) fn of(objective: Objective) -> Self {
        let of = u128::from(objective.of());
        let (bad, good) = (
            u128::from(objective.budget()),
            of - u128::from(objective.budget()),
        );
        Self {
            mean: float(bad, of),
            variance: float(bad * good, of * of),
        }
    }

    /// Of so many events at least so many have to be bad. The one is for what comes in whole numbers.
    pub(crate) fn least_bad(self, events: f64) -> f64 {
        1.0 + self.mean * events + DEVIATIONS * (self.variance * events).sqrt()
    }

    /// The same, for Prometheus.
    pub(crate) fn expr(self, events: &str) -> String {
        let Self { mean, variance } = self;
        format!("1 + {mean} * {events} + {DEVIATIONS} * sqrt({variance} * {events})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{burn::significance::is_unlikely, types::Counts};

    #[test]
    fn evidence_by_the_normal_law_agrees_with_the_binomial_to_one_event() {
        for (good, of) in [
            (2, 3),
            (9, 10),
            (95, 100),
            (99, 100),
            (999, 1000),
            (99_999, 100_000),
        ] {
            let objective = Objective::new(good, of).unwrap();
            let evidence = Evidence::of(objective);
            for expected in (1..400)
                .map(|n| f64::from(n) / 10.0)
                .chain([100.0, 300.0, 1000.0, 5000.0])
            {
                let events = (expected / evidence.mean).ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole, and small"
                )]
                let (events, least) = (events as u64, evidence.least_bad(events).ceil() as u64);
                let is_evident = |bad: u64, limit| {
                    bad <= events && is_unlikely(objective, Counts::new(events - bad, bad), limit)
                };
                // What it lets through is chance with a probability of 1.15 % at most; and one event more than
                // the binomial asks for is enough for it.
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
