//! The faults that were shown. They add up over all steps, because otherwise each step would need a separate α, and they
//! stay: the test is whether the evidence was ever enough.

use super::{
    arms::Tally,
    bets::Bets,
    evidence::EValue,
    intervals::rate_of,
    limits::{Beyond, Limit},
    policy::{CanaryPolicy, MOST_LIMITS},
    reason::{Measure, Reason},
};
use crate::{canary::arms::Metric, types::few::Few};

/// The faults that were shown, with the numbers of the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Faults {
    /// Logarithms of the evidence.
    worse: Option<f64>,
    slower: Option<f64>,
    far_worse: Option<f64>,
    in_a_row: Option<u64>,
    /// One for each limit of the policy.
    beyond: Few<Tally, MOST_LIMITS>,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        worse: None,
        slower: None,
        far_worse: None,
        in_a_row: None,
        beyond: [None; MOST_LIMITS],
    };

    pub(super) fn compare(&mut self, policy: &CanaryPolicy, errors: &Bets, latency: &Bets) {
        let show = |fault: &mut Option<f64>, evidence: EValue| {
            if evidence.is_enough() {
                *fault = Some(evidence.ln());
            }
        };
        show(&mut self.worse, policy.worse(errors));
        show(&mut self.far_worse, policy.far_worse(errors));
        if policy.compares_latency {
            show(&mut self.slower, policy.slower(latency));
        }
    }

    pub(super) const fn show_in_a_row(&mut self, failures: u64) {
        self.in_a_row = Some(failures);
    }

    /// A canary beyond the limit with this number.
    pub(super) const fn show_beyond(&mut self, limit: usize, beyond: Beyond) {
        if !beyond.both {
            self.beyond[limit] = Some(beyond.tally);
        }
    }

    #[cfg(feature = "serde")]
    pub(super) fn is_sound(&self) -> bool {
        let evidence = [self.worse, self.slower, self.far_worse];
        evidence.iter().flatten().all(|ln| ln.is_finite())
            && self.beyond.iter().flatten().all(|tally| tally.is_sound())
    }

    pub(super) fn reasons(&self, policy: &CanaryPolicy) -> Vec<Reason> {
        let other = |ln| EValue::new(ln, policy.alpha_other());
        let compared = [
            self.worse
                .map(|ln| Reason::Worse(EValue::new(ln, policy.alpha_worse()))),
            self.slower.map(|ln| Reason::Slower(other(ln))),
            self.far_worse.map(|ln| Reason::TimesErrorRate {
                evidence: other(ln),
                times: policy.times_error_rate,
            }),
            self.in_a_row.map(Reason::FailuresInARow),
        ];
        let limits = policy.limits.iter().zip(self.beyond);
        let beyond = limits.filter_map(|(limit, tally)| {
            Some(Reason::Beyond(measure(limit.as_ref()?, tally?, policy)))
        });
        compared.into_iter().flatten().chain(beyond).collect()
    }
}

/// What the canary did, and what the limit allows.
pub(super) fn measure(limit: &Limit, tally: Tally, policy: &CanaryPolicy) -> Measure {
    Measure {
        seen: rate_of(tally),
        at_most: limit.objective.budget_share(),
        within: limit.within,
        slower_than: match limit.metric {
            Metric::SlowerThan(time) => Some(time),
            _ => None,
        },
        times_p95: (limit.metric == Metric::MuchTooSlow).then_some(policy.times_p95),
    }
}
