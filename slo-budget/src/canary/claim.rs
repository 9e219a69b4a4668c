//! What a promotion has to show.

use super::{
    arms::{Metric, Tally},
    evidence::EValue,
    intervals::{
        Seen, as_f64, ln_below, times_at_this_rate, times_of_evidence, upper_bound,
        without_a_further_hit,
    },
    policy::{ABOVE_P95, CanaryPolicy},
    reason::Reason,
};

/// The claim that the errors, or the latency, are good enough for the next step: by the harm that they can do there, or by
/// comparison with the baseline in this step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) policy: &'a CanaryPolicy,
    pub(super) metric: Metric,
    /// The share of the requests in the next step, in per cent.
    pub(super) next: u8,
    /// The canary in all steps.
    pub(super) seen: Seen,
    /// The canary in this step.
    pub(super) in_step: Tally,
    /// The logarithm of the evidence that the canary is not worse than the baseline by the margin.
    pub(super) ln_not_worse: f64,
}

impl Claim<'_> {
    /// The greatest rate of the canary: that which harms the service as much as the guard allows, and for latency the share
    /// above the baseline's former 95th percentile by the margin.
    fn guard(&self) -> f64 {
        if self.metric == Metric::Errors {
            self.policy.allowed_at(self.next).min(1.0)
        } else {
            (self.policy.margin * ABOVE_P95).min(1.0)
        }
    }

    fn is_within_guard(&self) -> bool {
        let within = ln_below(self.guard(), self.seen);
        self.guard() >= 1.0 || self.policy.promotion_value(within).is_enough()
    }

    fn not_worse(&self) -> EValue {
        self.policy.promotion_value(self.ln_not_worse)
    }

    pub(super) fn at_most(&self) -> f64 {
        upper_bound(self.seen, self.policy.alpha_to_promote())
    }

    /// The reason why the claim holds, or why it is undecided, with the bound from [`at_most`](Self::at_most).
    pub(super) fn shown(&self, at_most: f64) -> Result<Reason, Reason> {
        let (guard, not_worse) = (self.guard(), self.not_worse());
        match (self.metric, self.is_within_guard(), not_worse.is_enough()) {
            (Metric::Errors, true, _) => Ok(Reason::WithinGuard { at_most, guard }),
            (Metric::Errors, false, true) => Ok(Reason::NotWorse(not_worse)),
            (Metric::Errors, false, false) => Err(Reason::ErrorsUndecided { at_most, guard }),
            (_, true, _) => Ok(Reason::FastEnough { at_most, guard }),
            (_, false, true) => Ok(Reason::NotSlower(not_worse)),
            (_, false, false) => Err(Reason::LatencyUndecided { at_most, guard }),
        }
    }

    /// The number of further requests without a hit that show the claim by the guard.
    pub(super) fn without_a_further_hit(&self) -> Option<u64> {
        if self.guard() >= 1.0 {
            return Some(0);
        }
        without_a_further_hit(self.guard(), self.seen, self.policy.promotion_evidence())
    }

    /// The number of further requests that show the claim if hits come in the proportions of all steps, or signs in those of
    /// this step.
    pub(super) fn at_this_rate(&self) -> Option<f64> {
        if self.is_within_guard() {
            return Some(0.0);
        }
        let enough = self.policy.promotion_evidence();
        let further = |times: f64, tally: Tally| (times - 1.0) * as_f64(tally.total);
        let by_guard = times_at_this_rate(self.guard(), self.seen, enough)
            .map(|times| further(times, self.seen.tally));
        let by_comparison =
            times_of_evidence(self.ln_not_worse, enough).map(|times| further(times, self.in_step));
        match (by_guard, by_comparison) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, None) | (None, one) => one,
        }
    }
}
