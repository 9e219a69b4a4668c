use tokio::time::Instant;

use crate::{
    canary::{
        Arm, CanaryPolicy, Evidence, Hold, InvalidArms, Overdue, Promotion, Reason, RollBack,
        Verdict,
        arms::Of,
        batches::{Batch, Counted},
        claim::Claim,
        comparison::Comparison,
        findings::Bad,
        intervals::{as_f64, lower_bound},
        wilson::wilson,
    },
    gate::Gate,
};

/// A release under way: what it and the baseline have counted, and what that shows.
///
/// One value for one release, made by [`CanaryPolicy::start`]. It keeps the same 1 KB whatever is observed.
///
/// ```text
/// start ─► 10 % ── promote, advance ─► 25 % ─► 50 % ─► 100 %: complete
///            │ hold ⟲                    │       │        │
///            └──────────────── roll back ┴───────┴────────┘   for good, where it was shown to be bad
/// ```
///
/// What shows that it is bad is added up over all steps. What shows that it is good begins anew with each step, as
/// each step may bring out something else.
#[derive(Clone, Debug)]
pub struct Canary {
    policy: CanaryPolicy,
    gate: Option<Gate>,
    step: usize,
    step_began: Instant,
    counted: Counted,
    errors: Comparison,
    latency: Comparison,
    measurement_errors: u32,
    bad: Bad,
}

impl Canary {
    pub(crate) const fn new(policy: CanaryPolicy, now: Instant) -> Self {
        Self {
            policy,
            gate: None,
            step: 0,
            step_began: now,
            counted: Counted::NOTHING,
            errors: Comparison::NEW,
            latency: Comparison::NEW,
            measurement_errors: 0,
            bad: Bad::NOTHING,
        }
    }

    /// Holds while `gate` is closed, whatever else would promote; it rolls back all the same.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self {
            gate: Some(gate),
            ..self
        }
    }

    /// What is asked of it.
    #[must_use]
    pub const fn policy(&self) -> &CanaryPolicy {
        &self.policy
    }

    /// The share of requests that it should have now, in per cent.
    #[must_use]
    pub fn step(&self) -> u8 {
        self.share_at(self.step)
    }

    /// Whether it has got all requests.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.step() == 100
    }

    /// Takes a measurement: what both sides have counted **since the start**. As often as you like; what both have counted
    /// since the last measurement in which both had new requests is one batch.
    ///
    /// # Errors
    ///
    /// [`InvalidArms`] when counts cannot be right. Nothing is taken then, but a failed measurement is counted, as
    /// by [`measurement_failed`](Self::measurement_failed).
    ///
    /// # Cost
    ///
    /// For each odds ratio a sum over the failures that the canary may likely have in the batch: at most the least of
    /// both arms' requests and both arms' failures, some 17 standard deviations of it, and 131,072 terms. Some 48,000
    /// instructions for a batch of a thousand requests (the bench's row "slo, canary, a batch of a thousand observed").
    /// No allocation unless something bad is shown.
    pub fn observe(&mut self, baseline: Arm, canary: Arm) -> Result<(), InvalidArms> {
        let latency = self.policy.judges_latency;
        if let Err(invalid) = self.counted.take(baseline, canary, latency) {
            self.measurement_failed();
            return Err(invalid);
        }
        self.measurement_errors = 0;
        if let Some(Batch { errors, slow }) = self.counted.complete_batch() {
            self.errors.step(errors, &self.policy);
            if latency {
                self.latency.step(slow, &self.policy);
            }
        }
        (self.bad).look(&self.policy, &self.counted, &self.errors, &self.latency);
        Ok(())
    }

    /// A measurement could not be made. It counts against success: nothing is promoted until one succeeds, and too many
    /// in a row roll back ([`measurement_errors`](crate::canary::Builder::measurement_errors)).
    pub const fn measurement_failed(&mut self) {
        self.measurement_errors = self.measurement_errors.saturating_add(1);
    }

    /// What to do now. It changes nothing: the same question has the same answer until something else was observed or time
    /// has passed.
    ///
    /// `now` matters for `max_wait` only; before the start it counts as that.
    pub fn verdict(&self, now: Instant) -> Verdict {
        let evidence = self.evidence();
        let roll_back = |reasons| Verdict::RollBack(RollBack { reasons, evidence });
        let mut bad = self.bad.reasons().to_vec();
        if self.measurement_errors > self.policy.measurement_errors {
            bad.push(Reason::NoMeasurement(self.measurement_errors));
        }
        if !bad.is_empty() {
            return roll_back(bad);
        }
        let promote = |reasons| {
            let to = self.share_at(self.step + 1);
            Verdict::Promote(Promotion {
                to,
                reasons,
                evidence,
            })
        };
        if self.is_complete() && self.counted.canary().total() > 0 {
            return promote(vec![Reason::Complete]);
        }
        let mut in_the_way = self.in_the_way();
        let (mut shown, mut undecided) = (Vec::new(), Vec::new());
        for claim in self.claims() {
            match claim.shown() {
                Ok(reason) => shown.push(reason),
                Err(reason) => undecided.push(reason),
            }
        }
        if in_the_way.is_empty() && undecided.is_empty() {
            return promote(shown);
        }
        if in_the_way.contains(&Reason::NoData) {
            // Of nothing there is nothing else to say.
            undecided.clear();
        }
        let waited = now.saturating_duration_since(self.step_began);
        if waited >= self.policy.max_wait {
            let overdue = Reason::Overdue(waited);
            match self.policy.overdue {
                Overdue::RollBack => return roll_back(vec![overdue]),
                Overdue::Promote if in_the_way.is_empty() => return promote(vec![overdue]),
                Overdue::Promote | Overdue::Hold => in_the_way.push(overdue),
            }
        }
        Verdict::Hold(Hold {
            if_none_fails: self.errors_claim().without_a_further_hit(),
            at_this_rate: self.at_this_rate(),
            reasons: in_the_way.into_iter().chain(undecided).collect(),
            evidence,
        })
    }

    /// The next step begins, now: to be called when the share of requests was raised. Returns it, in per cent.
    ///
    /// It is for you to follow verdicts: this asks for none, so that a step can be skipped by hand.
    pub fn advance(&mut self) -> u8 {
        self.advance_at(Instant::now())
    }

    /// As [`advance`](Self::advance), at `now`. Beyond the last step it does nothing.
    pub fn advance_at(&mut self, now: Instant) -> u8 {
        if !self.is_complete() {
            self.step += 1;
            self.step_began = now;
            self.counted.begin_step();
            self.errors.forget_not_worse();
            self.latency.forget_not_worse();
        }
        self.step()
    }

    /// What has been counted, and what it shows.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let Self {
            policy, counted, ..
        } = self;
        let (baseline, canary) = (counted.baseline(), counted.canary());
        let in_step = counted.canary_in_step(Of::Errors);
        let latency = policy.judges_latency.then_some(&self.latency);
        Evidence {
            step: self.step(),
            baseline,
            canary,
            canary_in_step: Arm::new(in_step.total - in_step.hits, in_step.hits),
            baseline_rate: wilson(baseline.tally(Of::Errors)),
            canary_rate: wilson(canary.tally(Of::Errors)),
            at_least: lower_bound(canary.tally(Of::Errors), policy.alpha_to_roll_back()),
            at_most: self.errors_claim().at_most(),
            worse: policy.roll_back_value(self.errors.ln_worse(policy)),
            not_worse: policy.promotion_value(self.errors.ln_not_worse()),
            slower: latency.map(|latency| policy.roll_back_value(latency.ln_worse(policy))),
            not_slower: latency.map(|latency| policy.promotion_value(latency.ln_not_worse())),
        }
    }

    fn share_at(&self, step: usize) -> u8 {
        *self.policy.steps.as_slice().get(step).unwrap_or(&100)
    }

    fn errors_claim(&self) -> Claim<'_> {
        self.claim(Of::Errors, &self.errors)
    }

    /// What all has to be shown for a promotion.
    fn claims(&self) -> impl Iterator<Item = Claim<'_>> {
        let latency = self.policy.judges_latency;
        let latency = latency.then(|| self.claim(Of::Slow, &self.latency));
        std::iter::once(self.errors_claim()).chain(latency)
    }

    fn claim(&self, of: Of, against: &Comparison) -> Claim<'_> {
        Claim {
            policy: &self.policy,
            of,
            tally: self.counted.canary_in_step(of),
            ln_not_worse: against.ln_not_worse(),
        }
    }

    /// What keeps even a good release from being promoted.
    fn in_the_way(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.counted.canary_in_step(Of::Errors).total == 0 {
            reasons.push(Reason::NoData);
        } else if !self.counted.has_compared() {
            reasons.push(Reason::NothingToCompare);
        }
        if self.measurement_errors > 0 {
            reasons.push(Reason::MeasurementFailed(self.measurement_errors));
        }
        if self.gate.as_ref().is_some_and(|gate| !gate.is_open()) {
            reasons.push(Reason::GateClosed);
        }
        reasons
    }

    /// An extrapolation: everything that was counted in this step grows in proportion.
    fn at_this_rate(&self) -> Option<u64> {
        let mut times = self.claims().map(|claim| claim.times_at_this_rate());
        let most = times.try_fold(1.0, |most: f64, times| Some(most.max(times?)))?;
        let further = (most - 1.0) * as_f64(self.counted.canary_in_step(Of::Errors).total);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, below 2^63"
        )]
        (further < 1e18).then_some(further.ceil() as u64)
    }
}
