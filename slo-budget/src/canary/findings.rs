use crate::canary::{
    CanaryPolicy, Reason,
    arms::Of,
    batches::Counted,
    comparison::Comparison,
    intervals::{ln_above, lower_bound, rate_of},
    policy::ABOVE_P95,
};

/// What was shown to be bad: once shown it stays so, as the tests are about whether they ever found enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bad(Vec<Reason>);

impl Bad {
    pub(crate) const NOTHING: Self = Self(Vec::new());

    pub(crate) fn reasons(&self) -> &[Reason] {
        &self.0
    }

    pub(crate) fn look(
        &mut self,
        policy: &CanaryPolicy,
        counted: &Counted,
        errors: &Comparison,
        latency: &Comparison,
    ) {
        self.look_at_errors(policy, counted, errors);
        if policy.judges_latency {
            self.look_at_latency(policy, counted, latency);
        }
    }

    fn look_at_errors(&mut self, policy: &CanaryPolicy, counted: &Counted, errors: &Comparison) {
        let limits = &policy.limits;
        let in_a_row = counted.in_a_row();
        if in_a_row >= limits.failures_in_a_row {
            self.show(Reason::FailuresInARow(in_a_row));
        }
        let worse = policy.roll_back_value(errors.ln_worse(policy));
        if worse.is_enough() {
            self.show(Reason::Worse(worse));
        }
        let tally = counted.canary().tally(Of::Errors);
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

    fn look_at_latency(&mut self, policy: &CanaryPolicy, counted: &Counted, latency: &Comparison) {
        let slower = policy.roll_back_value(latency.ln_worse(policy));
        if slower.is_enough() {
            self.show(Reason::Slower(slower));
        }
        let tally = counted.canary().tally(Of::MuchTooSlow);
        // Where the baseline itself has become so slow, its 95th percentile is no longer what it was.
        let (now, ever) = (
            counted.baseline_in_step(Of::MuchTooSlow),
            counted.baseline().tally(Of::MuchTooSlow),
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

    /// With the latest numbers of each.
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
