//! What the tests have shown: faults, which last, and claims, which each step makes anew.
//!
//! A release that is good at 10 % may be bad at 50 %, so a promotion needs evidence from its own step. Evidence of faults
//! adds up over all steps, because otherwise each step would need a separate α. A fault that was shown stays: the test
//! is whether the evidence was ever enough.

use super::{
    arms::{Metric, Tally},
    batches::Batches,
    comparison::Comparison,
    evidence::EValue,
    intervals::{
        ln_above, ln_below, lower_bound, rate_of, times_at_this_rate, times_of_evidence,
        upper_bound, without_a_further_hit,
    },
    policy::{ABOVE_P95, CanaryPolicy},
    reason::Reason,
};

/// The faults that were shown.
#[derive(Clone, Debug)]
pub(super) struct Faults(Vec<Reason>);

impl Faults {
    pub(super) const NONE: Self = Self(Vec::new());

    pub(super) fn reasons(&self) -> &[Reason] {
        &self.0
    }

    pub(super) fn check(
        &mut self,
        policy: &CanaryPolicy,
        batches: &Batches,
        errors: &Comparison,
        latency: &Comparison,
    ) {
        self.check_errors(policy, batches, errors);
        if policy.judges_latency {
            self.check_latency(policy, batches, latency);
        }
    }

    fn check_errors(&mut self, policy: &CanaryPolicy, batches: &Batches, errors: &Comparison) {
        let limits = &policy.limits;
        let in_a_row = batches.in_a_row();
        if in_a_row >= limits.failures_in_a_row {
            self.show(Reason::FailuresInARow(in_a_row));
        }
        let worse = policy.roll_back_value(errors.ln_worse(policy));
        if worse.is_enough() {
            self.show(Reason::Worse(worse));
        }
        let tally = batches.canary().tally(Metric::Errors);
        if tally.hits < limits.min_bad {
            return;
        }
        if policy
            .roll_back_value(ln_above(limits.error_rate, tally))
            .is_enough()
        {
            self.show(Reason::Unavailable {
                at_least: lower_bound(tally, policy.alpha_to_roll_back()),
                limit: limits.error_rate,
            });
        }
        let far_worse = policy.roll_back_value(errors.ln_far_worse());
        if far_worse.is_enough() {
            self.show(Reason::TimesErrorRate {
                evidence: far_worse,
                times: limits.times_error_rate,
            });
        }
    }

    fn check_latency(&mut self, policy: &CanaryPolicy, batches: &Batches, latency: &Comparison) {
        let slower = policy.roll_back_value(latency.ln_worse(policy));
        if slower.is_enough() {
            self.show(Reason::Slower(slower));
        }
        let tally = batches.canary().tally(Metric::MuchTooSlow);
        // If the baseline itself has become that slow, its old 95th percentile says nothing.
        let (now, ever) = (
            batches.baseline_in_step(Metric::MuchTooSlow),
            batches.baseline().tally(Metric::MuchTooSlow),
        );
        let baseline_is_fast = [now, ever]
            .iter()
            .all(|b| b.total == 0 || rate_of(*b) <= ABOVE_P95);
        if tally.hits >= policy.limits.min_bad
            && baseline_is_fast
            && policy
                .roll_back_value(ln_above(ABOVE_P95, tally))
                .is_enough()
        {
            self.show(Reason::TimesP95 {
                at_least: lower_bound(tally, policy.alpha_to_roll_back()),
                times: policy.limits.times_p95,
            });
        }
    }

    /// Adds a reason, or replaces its numbers by the latest.
    fn show(&mut self, reason: Reason) {
        let kind = std::mem::discriminant(&reason);
        match self
            .0
            .iter_mut()
            .find(|shown| std::mem::discriminant(*shown) == kind)
        {
            Some(shown) => *shown = reason,
            None => self.0.push(reason),
        }
    }
}

/// The claim that the errors, or the latency, of this step are good: by the guard, or by comparison with the baseline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) policy: &'a CanaryPolicy,
    pub(super) metric: Metric,
    /// The tally of the canary in this step.
    pub(super) tally: Tally,
    /// The logarithm of the evidence that the canary is not worse than the baseline by the margin.
    pub(super) ln_not_worse: f64,
}

impl Claim<'_> {
    fn guard(&self) -> f64 {
        if self.metric == Metric::Errors {
            self.policy.guard
        } else {
            self.policy.slow_guard
        }
    }

    fn is_within_guard(&self) -> bool {
        let within = ln_below(self.guard(), self.tally);
        self.policy.promotion_value(within).is_enough()
    }

    fn not_worse(&self) -> EValue {
        self.policy.promotion_value(self.ln_not_worse)
    }

    pub(super) fn at_most(&self) -> f64 {
        upper_bound(self.tally, self.policy.alpha_to_promote())
    }

    /// The reason why the claim holds, or why it is undecided.
    pub(super) fn shown(&self) -> Result<Reason, Reason> {
        let (guard, at_most, not_worse) = (self.guard(), self.at_most(), self.not_worse());
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
        without_a_further_hit(self.guard(), self.tally, self.policy.promotion_evidence())
    }

    /// The factor by which the counts of this step have to grow in proportion to show the claim.
    pub(super) fn times_at_this_rate(&self) -> Option<f64> {
        let enough = self.policy.promotion_evidence();
        let by_guard = times_at_this_rate(self.guard(), self.tally, enough);
        let by_comparison = times_of_evidence(self.ln_not_worse, enough);
        match (by_guard, by_comparison) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, None) | (None, one) => one,
        }
    }
}
