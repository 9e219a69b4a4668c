use crate::canary::{
    CanaryPolicy, EValue, Reason,
    arms::{Of, Tally},
    intervals::{ln_below, upper_bound},
    needed,
};

/// That errors, or latency, are well in this step: by the guard, or by comparison with the baseline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) policy: &'a CanaryPolicy,
    pub(crate) of: Of,
    /// Of the canary in this step.
    pub(crate) tally: Tally,
    /// The logarithm of the evidence that it is not worse than the baseline by the margin.
    pub(crate) ln_not_worse: f64,
}

impl Claim<'_> {
    fn guard(&self) -> f64 {
        if self.of == Of::Errors {
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

    pub(crate) fn at_most(&self) -> f64 {
        upper_bound(self.tally, self.policy.alpha_to_promote())
    }

    /// How it was shown, or what is not.
    pub(crate) fn shown(&self) -> Result<Reason, Reason> {
        let (guard, at_most, not_worse) = (self.guard(), self.at_most(), self.not_worse());
        match (self.of, self.is_within_guard(), not_worse.is_enough()) {
            (Of::Errors, true, _) => Ok(Reason::WithinGuard { at_most, guard }),
            (Of::Errors, false, true) => Ok(Reason::NotWorse(not_worse)),
            (Of::Errors, false, false) => Err(Reason::ErrorsUndecided { at_most, guard }),
            (_, true, _) => Ok(Reason::FastEnough { at_most, guard }),
            (_, false, true) => Ok(Reason::NotSlower(not_worse)),
            (_, false, false) => Err(Reason::LatencyUndecided { at_most, guard }),
        }
    }

    /// How many further requests of the canary it takes by the guard, if none of them hits.
    pub(crate) fn without_a_further_hit(&self) -> Option<u64> {
        needed::without_a_further_hit(self.guard(), self.tally, self.policy.promotion_evidence())
    }

    /// How many times as many requests as there were it takes, if all goes on in proportion.
    pub(crate) fn times_at_this_rate(&self) -> Option<f64> {
        let enough = self.policy.promotion_evidence();
        let by_guard = needed::times_at_this_rate(self.guard(), self.tally, enough);
        let by_comparison = needed::times_of_evidence(self.ln_not_worse, enough);
        match (by_guard, by_comparison) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, None) | (None, one) => one,
        }
    }
}
