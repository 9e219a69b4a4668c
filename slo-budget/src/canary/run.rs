//! A running release.

use tokio::time::Instant;

use super::{
    arms::{Arm, InvalidArms, Metric},
    batches::{Batch, Batches},
    builder::Overdue,
    comparison::Comparison,
    evidence::Evidence,
    findings::{Claim, Faults},
    intervals::{as_f64, lower_bound, wilson},
    policy::CanaryPolicy,
    reason::Reason,
    verdict::{Hold, Promotion, RollBack, Verdict},
};
use crate::gate::Gate;

/// A running release: the counts of both arms, and the evidence from them.
///
/// There is one value for one release, made by [`CanaryPolicy::start`]. Its size is 1 KB whatever is observed.
///
/// ```text
/// start ─► 10 % ── promote, advance ─► 25 % ─► 50 % ─► 100 %: complete
///            │ hold ⟲                    │       │        │
///            └──────────────── roll back ┴───────┴────────┘   for ever, once it was shown to be bad
/// ```
///
/// Evidence that the release is bad adds up over all steps. Evidence that it is good begins anew with each step, because
/// each step may show something else.
#[doc(alias("analysis", "progressive delivery"))]
#[derive(Clone, Debug)]
pub struct Canary {
    policy: CanaryPolicy,
    gate: Option<Gate>,
    step: usize,
    step_began: Instant,
    batches: Batches,
    errors: Comparison,
    latency: Comparison,
    measurement_errors: u32,
    faults: Faults,
}

impl Canary {
    pub(super) const fn new(policy: CanaryPolicy, now: Instant) -> Self {
        Self {
            policy,
            gate: None,
            step: 0,
            step_began: now,
            batches: Batches::EMPTY,
            errors: Comparison::NEW,
            latency: Comparison::NEW,
            measurement_errors: 0,
            faults: Faults::NONE,
        }
    }

    /// Holds while `gate` does not admit all requests, instead of promoting. That does not prevent a roll-back.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self {
            gate: Some(gate),
            ..self
        }
    }

    /// The requirements for it.
    #[must_use]
    pub const fn policy(&self) -> &CanaryPolicy {
        &self.policy
    }

    /// The share of requests that it should have now, in per cent.
    #[must_use]
    pub fn step(&self) -> u8 {
        self.share_at(self.step)
    }

    /// Whether it has all requests.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.step() == 100
    }

    /// Takes a measurement: the counts of both arms **since the start**. It may be called at any interval. A batch is complete
    /// with the first measurement in which both arms have new requests.
    ///
    /// # Errors
    ///
    /// [`InvalidArms`] when the counts are invalid. Then the counts are ignored, and a failed measurement is counted, as by
    /// [`measurement_failed`](Self::measurement_failed).
    ///
    /// # Cost
    ///
    /// For each odds ratio, a sum over the likely failures of the canary in the batch: at most the requests and the failures
    /// of either arm, some 17 standard deviations, and 131,072 terms. About 48,000 instructions for a batch of a thousand
    /// requests (the bench's row "slo, canary, a batch of a thousand observed"). No allocation unless a fault is shown.
    pub fn observe(&mut self, baseline: Arm, canary: Arm) -> Result<(), InvalidArms> {
        let latency = self.policy.judges_latency;
        if let Err(invalid) = self.batches.update(baseline, canary, latency) {
            self.measurement_failed();
            return Err(invalid);
        }
        self.measurement_errors = 0;
        if let Some(Batch { errors, slow }) = self.batches.complete_batch() {
            self.errors.step(errors, &self.policy);
            if latency {
                self.latency.step(slow, &self.policy);
            }
        }
        (self.faults).check(&self.policy, &self.batches, &self.errors, &self.latency);
        Ok(())
    }

    /// Counts a measurement that failed. Nothing is promoted until one succeeds, and too many in a row roll back
    /// ([`measurement_errors`](crate::canary::Builder::measurement_errors)).
    pub const fn measurement_failed(&mut self) {
        self.measurement_errors = self.measurement_errors.saturating_add(1);
    }

    /// What to do now. It changes nothing, so the answer stays the same until something is observed or time passes.
    ///
    /// `now` matters for `max_wait` only. A time before the start counts as the start.
    pub fn verdict(&self, now: Instant) -> Verdict {
        let evidence = self.evidence();
        let roll_back = |reasons| Verdict::RollBack(RollBack { reasons, evidence });
        let mut faults = self.faults.reasons().to_vec();
        if self.measurement_errors > self.policy.measurement_errors {
            faults.push(Reason::NoMeasurement(self.measurement_errors));
        }
        if !faults.is_empty() {
            return roll_back(faults);
        }
        let promote = |reasons| {
            let to = self.share_at(self.step + 1);
            Verdict::Promote(Promotion {
                to,
                reasons,
                evidence,
            })
        };
        if self.is_complete() && self.batches.canary().total() > 0 {
            return promote(vec![Reason::Complete]);
        }
        let mut obstacles = self.obstacles();
        let (mut shown, mut undecided) = (Vec::new(), Vec::new());
        for claim in self.claims() {
            match claim.shown() {
                Ok(reason) => shown.push(reason),
                Err(reason) => undecided.push(reason),
            }
        }
        if obstacles.is_empty() && undecided.is_empty() {
            return promote(shown);
        }
        if obstacles.contains(&Reason::NoData) {
            // Without data there is no other reason.
            undecided.clear();
        }
        let waited = now.saturating_duration_since(self.step_began);
        if waited >= self.policy.max_wait {
            let overdue = Reason::Overdue(waited);
            match self.policy.overdue {
                Overdue::RollBack => return roll_back(vec![overdue]),
                Overdue::Promote if obstacles.is_empty() => return promote(vec![overdue]),
                Overdue::Promote | Overdue::Hold => obstacles.push(overdue),
            }
        }
        Verdict::Hold(Hold {
            if_none_fails: self.errors_claim().without_a_further_hit(),
            at_this_rate: self.at_this_rate(),
            reasons: obstacles.into_iter().chain(undecided).collect(),
            evidence,
        })
    }

    /// Begins the next step now. Call it after the share of requests was raised. Returns the share in per cent.
    ///
    /// It does not ask for a verdict, so that a step can be skipped by hand.
    pub fn advance(&mut self) -> u8 {
        self.advance_at(Instant::now())
    }

    /// As [`advance`](Self::advance), at `now`. After the last step it does nothing.
    pub fn advance_at(&mut self, now: Instant) -> u8 {
        if !self.is_complete() {
            self.step += 1;
            self.step_began = now;
            self.batches.begin_step();
            self.errors.forget_not_worse();
            self.latency.forget_not_worse();
        }
        self.step()
    }

    /// The counts, and what they show.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let Self {
            policy, batches, ..
        } = self;
        let (baseline, canary) = (batches.baseline(), batches.canary());
        let in_step = batches.canary_in_step(Metric::Errors);
        let latency = policy.judges_latency.then_some(&self.latency);
        Evidence {
            step: self.step(),
            baseline,
            canary,
            canary_in_step: Arm::new(in_step.total - in_step.hits, in_step.hits),
            baseline_rate: wilson(baseline.tally(Metric::Errors)),
            canary_rate: wilson(canary.tally(Metric::Errors)),
            at_least: lower_bound(canary.tally(Metric::Errors), policy.alpha_to_roll_back()),
            at_most: self.errors_claim().at_most(),
            worse: policy.roll_back_value(self.errors.ln_worse(policy)),
            not_worse: policy.promotion_value(self.errors.ln_not_worse()),
            slower: latency.map(|latency| policy.roll_back_value(latency.ln_worse(policy))),
            not_slower: latency.map(|latency| policy.promotion_value(latency.ln_not_worse())),
        }
    }

    fn share_at(&self, step: usize) -> u8 {
        self.policy.steps().nth(step).unwrap_or(100)
    }

    fn errors_claim(&self) -> Claim<'_> {
        self.claim(Metric::Errors, &self.errors)
    }

    /// The claims that a promotion needs.
    fn claims(&self) -> impl Iterator<Item = Claim<'_>> {
        let latency = self.policy.judges_latency;
        let latency = latency.then(|| self.claim(Metric::Slow, &self.latency));
        std::iter::once(self.errors_claim()).chain(latency)
    }

    fn claim(&self, metric: Metric, against: &Comparison) -> Claim<'_> {
        Claim {
            policy: &self.policy,
            metric,
            tally: self.batches.canary_in_step(metric),
            ln_not_worse: against.ln_not_worse(),
        }
    }

    /// The reasons that hold even a good release.
    fn obstacles(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.batches.canary_in_step(Metric::Errors).total == 0 {
            reasons.push(Reason::NoData);
        } else if !self.batches.has_compared() {
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

    /// An extrapolation: all counts of this step grow in proportion.
    fn at_this_rate(&self) -> Option<u64> {
        let mut times = self.claims().map(|claim| claim.times_at_this_rate());
        let most = times.try_fold(1.0, |most: f64, times| Some(most.max(times?)))?;
        let further = (most - 1.0) * as_f64(self.batches.canary_in_step(Metric::Errors).total);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, below 2^63"
        )]
        (further < 1e18).then_some(further.ceil() as u64)
    }
}
