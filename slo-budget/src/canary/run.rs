use tokio::time::Instant;

use crate::{
    CanaryPolicy, Gate,
    canary::{
        Arm, EValue, Evidence, Hold, InvalidArms, Overdue, Promotion, Reason, RollBack, Side,
        Verdict,
        arm::{Of, Tally},
        bound::{as_f64, ln_above, ln_below, lower_bound, rate_of, upper_bound},
        comparison::Comparison,
        needed,
        odds::Table,
        policy::ABOVE_P95,
        wilson::wilson,
    },
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
    seen: Pair,
    /// At the end of the latest complete batch.
    whole: Pair,
    /// When the step began.
    step_from: Pair,
    errors: Comparison,
    latency: Comparison,
    /// Failures with no good request since, as far as is known.
    in_a_row: u64,
    measurement_errors: u32,
    /// What was shown once stays shown.
    shown_bad: Vec<Reason>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    baseline: Arm,
    canary: Arm,
}

/// Which of the two showed that it is good.
#[derive(Clone, Copy, Debug)]
enum By {
    Guard,
    Comparison,
}

impl Canary {
    pub(crate) const fn new(policy: CanaryPolicy, now: Instant) -> Self {
        const NOTHING: Pair = Pair {
            baseline: Arm::new(0, 0),
            canary: Arm::new(0, 0),
        };
        Self {
            policy,
            gate: None,
            step: 0,
            step_began: now,
            seen: NOTHING,
            whole: NOTHING,
            step_from: NOTHING,
            errors: Comparison::NEW,
            latency: Comparison::NEW,
            in_a_row: 0,
            measurement_errors: 0,
            shown_bad: Vec::new(),
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
        let steps = self.policy.steps.as_slice();
        steps[self.step.min(steps.len() - 1)]
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
    /// both arms' requests and both arms' failures, some 17 standard deviations of it, and 131,072. A microsecond
    /// for ordinary batches. No allocation unless something bad is shown.
    pub fn observe(&mut self, baseline: Arm, canary: Arm) -> Result<(), InvalidArms> {
        let now = Pair { baseline, canary };
        if let Err(invalid) = self.check(&now) {
            self.measurement_failed();
            return Err(invalid);
        }
        self.measurement_errors = 0;
        let before = std::mem::replace(&mut self.seen, now);
        self.follow_failures(before.canary);
        self.compare();
        self.look_for_bad();
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
        let mut bad = self.shown_bad.clone();
        if self.measurement_errors > self.policy.measurement_errors {
            bad.push(Reason::NoMeasurement(self.measurement_errors));
        }
        if !bad.is_empty() {
            return roll_back(bad);
        }
        let promote = |reasons| {
            let steps = self.policy.steps.as_slice();
            let to = *steps.get(self.step + 1).unwrap_or(&100);
            Verdict::Promote(Promotion {
                to,
                reasons,
                evidence,
            })
        };
        if self.is_complete() && self.seen.canary.total() > 0 {
            return promote(vec![Reason::Complete]);
        }
        let shown = self.shown_good();
        let mut in_the_way = self.in_the_way();
        if in_the_way.is_empty() && shown.iter().all(Result::is_ok) {
            return promote(shown.into_iter().filter_map(Result::ok).collect());
        }
        let waited = now.saturating_duration_since(self.step_began);
        let is_overdue = waited >= self.policy.max_wait;
        if is_overdue {
            match self.policy.overdue {
                Overdue::RollBack => return roll_back(vec![Reason::Overdue(waited)]),
                Overdue::Promote if in_the_way.is_empty() => {
                    return promote(vec![Reason::Overdue(waited)]);
                }
                Overdue::Promote | Overdue::Hold => in_the_way.push(Reason::Overdue(waited)),
            }
        }
        let undecided = shown.into_iter().filter_map(Result::err);
        let in_step = self.tally_in_step(Of::Errors);
        let if_none_fails = needed::without_a_further_hit(
            self.policy.guard,
            in_step,
            self.policy.promotion_evidence(),
        );
        Verdict::Hold(Hold {
            if_none_fails,
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
            self.step_from = self.seen;
            // A batch that still lacks one side goes on: to drop it, as seen by how it went so far, would be to choose.
            self.errors.forget_not_worse();
            self.latency.forget_not_worse();
        }
        self.step()
    }

    /// What has been counted, and what it shows.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let Self { policy, seen, .. } = self;
        let to_roll_back = policy.roll_back_evidence();
        let to_promote = policy.promotion_evidence();
        let e_value = |ln, ln_needed| EValue { ln, ln_needed };
        let latency = policy.judges_latency.then_some(&self.latency);
        let in_step = self.tally_in_step(Of::Errors);
        Evidence {
            step: self.step(),
            baseline: seen.baseline,
            canary: seen.canary,
            canary_in_step: Arm::new(in_step.total - in_step.hits, in_step.hits),
            baseline_rate: wilson(seen.baseline.tally(Of::Errors)),
            canary_rate: wilson(seen.canary.tally(Of::Errors)),
            at_least: lower_bound(seen.canary.tally(Of::Errors), policy.alpha_to_roll_back()),
            at_most: upper_bound(in_step, policy.alpha_to_promote()),
            worse: e_value(self.errors.ln_worse(&policy.ratios), to_roll_back),
            not_worse: e_value(self.errors.ln_not_worse(), to_promote),
            slower: latency.map(|l| e_value(l.ln_worse(&policy.ratios), to_roll_back)),
            not_slower: latency.map(|l| e_value(l.ln_not_worse(), to_promote)),
        }
    }

    // === What was counted ===

    fn check(&self, now: &Pair) -> Result<(), InvalidArms> {
        let latency = self.policy.judges_latency;
        (now.baseline).check(Side::Baseline, self.seen.baseline, latency)?;
        (now.canary).check(Side::Canary, self.seen.canary, latency)
    }

    fn tally_in_step(&self, of: Of) -> Tally {
        let from = self.step_from.canary.tally(of);
        self.seen.canary.tally(of).since(from)
    }

    /// A batch that holds failures only goes on with the run of them; any other begins a new one.
    fn follow_failures(&mut self, before: Arm) {
        let batch = self.seen.canary.tally(Of::Errors);
        let batch = batch.since(before.tally(Of::Errors));
        if batch.hits < batch.total {
            self.in_a_row = 0;
        } else {
            self.in_a_row += batch.hits;
        }
    }

    /// Takes what came since the last complete batch, if it is one.
    fn compare(&mut self) {
        let Self { seen, whole, .. } = *self;
        let table = |of| {
            let baseline = seen.baseline.tally(of).since(whole.baseline.tally(of));
            let canary = seen.canary.tally(of).since(whole.canary.tally(of));
            Table {
                baseline: baseline.total,
                canary: canary.total,
                failures: baseline.hits + canary.hits,
                canary_failures: canary.hits,
            }
        };
        let errors = table(Of::Errors);
        // By how many requests there are, never by how they went: a batch that ends where it looks well would prove
        // nothing.
        if errors.baseline == 0 || errors.canary == 0 {
            return;
        }
        let CanaryPolicy { ratios, margin, .. } = self.policy;
        self.errors.step(errors, &ratios, margin);
        if self.policy.judges_latency {
            self.latency.step(table(Of::Slow), &ratios, margin);
        }
        self.whole = seen;
    }

    // === What it shows ===

    fn look_for_bad(&mut self) {
        let CanaryPolicy { limits, ratios, .. } = self.policy;
        let (alpha, enough) = (
            self.policy.alpha_to_roll_back(),
            self.policy.roll_back_evidence(),
        );
        let Pair { baseline, canary } = self.seen;
        let mut shown = std::mem::take(&mut self.shown_bad);
        let mut show = |reason: Reason| {
            // The latest numbers of each.
            let same =
                |other: &Reason| std::mem::discriminant(other) == std::mem::discriminant(&reason);
            match shown.iter().position(same) {
                Some(index) => shown[index] = reason,
                None => shown.push(reason),
            }
        };
        let in_a_row = self.in_a_row.max(canary.in_a_row());
        if in_a_row >= limits.failures_in_a_row {
            show(Reason::FailuresInARow(in_a_row));
        }
        let e_value = |ln| EValue {
            ln,
            ln_needed: enough,
        };
        let worse = e_value(self.errors.ln_worse(&ratios));
        if worse.is_enough() {
            show(Reason::Worse(worse));
        }
        let errors = canary.tally(Of::Errors);
        if errors.hits >= limits.min_bad {
            if ln_above(limits.error_rate, errors) >= enough {
                show(Reason::Unavailable {
                    at_least: lower_bound(errors, alpha),
                    limit: limits.error_rate,
                });
            }
            if let Some(reason) = self.times_error_rate(errors, baseline.tally(Of::Errors)) {
                show(reason);
            }
        }
        if self.policy.judges_latency {
            let slower = e_value(self.latency.ln_worse(&ratios));
            if slower.is_enough() {
                show(Reason::Slower(slower));
            }
            let too_slow = canary.tally(Of::MuchTooSlow);
            // Where the baseline itself has become so slow, its 95th percentile is no longer what it was.
            let baseline = baseline.tally(Of::MuchTooSlow);
            let baseline_is_fast = baseline.total == 0 || rate_of(baseline) <= ABOVE_P95;
            if too_slow.hits >= limits.min_bad
                && baseline_is_fast
                && ln_above(ABOVE_P95, too_slow) >= enough
            {
                show(Reason::TimesP95 {
                    at_least: lower_bound(too_slow, alpha),
                    times: limits.times_p95,
                });
            }
        }
        self.shown_bad = shown;
    }

    fn times_error_rate(&self, canary: Tally, baseline: Tally) -> Option<Reason> {
        let times = self.policy.limits.times_error_rate;
        // The bounds lie outside of the rates, so most of the time there is no need for them.
        if baseline.total == 0 || rate_of(canary) <= times * rate_of(baseline) {
            return None;
        }
        // One half of its α for each of the two.
        let alpha = self.policy.alpha_to_roll_back() / 2.0;
        let at_least = lower_bound(canary, alpha);
        let baseline_at_most = upper_bound(baseline, alpha);
        (at_least > times * baseline_at_most).then_some(Reason::TimesErrorRate {
            at_least,
            baseline_at_most,
            times,
        })
    }

    /// Of errors, and of latency if it is judged: how it was shown to be good, or what is not shown.
    fn shown_good(&self) -> Vec<Result<Reason, Reason>> {
        let mut shown = vec![self.shown_good_of(Of::Errors, self.policy.guard, &self.errors)];
        if self.policy.judges_latency {
            shown.push(self.shown_good_of(Of::Slow, self.policy.slow_guard, &self.latency));
        }
        shown
    }

    fn shown_good_of(&self, of: Of, guard: f64, against: &Comparison) -> Result<Reason, Reason> {
        let at_most = upper_bound(self.tally_in_step(of), self.policy.alpha_to_promote());
        let not_worse = EValue {
            ln: against.ln_not_worse(),
            ln_needed: self.policy.promotion_evidence(),
        };
        match (of, self.is_good(of, guard, against)) {
            (Of::Errors, Some(By::Guard)) => Ok(Reason::WithinGuard { at_most, guard }),
            (Of::Errors, Some(By::Comparison)) => Ok(Reason::NotWorse(not_worse)),
            (Of::Errors, None) => Err(Reason::ErrorsUndecided { at_most, guard }),
            (_, Some(By::Guard)) => Ok(Reason::FastEnough { at_most, guard }),
            (_, Some(By::Comparison)) => Ok(Reason::NotSlower(not_worse)),
            (_, None) => Err(Reason::LatencyUndecided { at_most, guard }),
        }
    }

    fn is_good(&self, of: Of, guard: f64, against: &Comparison) -> Option<By> {
        let enough = self.policy.promotion_evidence();
        if ln_below(guard, self.tally_in_step(of)) >= enough {
            Some(By::Guard)
        } else if against.ln_not_worse() >= enough {
            Some(By::Comparison)
        } else {
            None
        }
    }

    /// What keeps even a good release from being promoted.
    fn in_the_way(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let nothing = self.tally_in_step(Of::Errors).total == 0;
        let compared = self.whole.canary.total() > self.step_from.canary.total();
        if nothing {
            reasons.push(Reason::NoData);
        } else if !compared {
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
        let enough = self.policy.promotion_evidence();
        let times = |of: Of, guard: f64, against: &Comparison| {
            let tally = self.tally_in_step(of);
            let by_guard = needed::times_at_this_rate(guard, tally, enough);
            let by_comparison = needed::times_of_evidence(against.ln_not_worse(), enough);
            match (by_guard, by_comparison) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, None) | (None, one) => one,
            }
        };
        let mut most = times(Of::Errors, self.policy.guard, &self.errors)?;
        if self.policy.judges_latency {
            most = most.max(times(Of::Slow, self.policy.slow_guard, &self.latency)?);
        }
        let further = (most - 1.0) * as_f64(self.tally_in_step(Of::Errors).total);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, below 2^63"
        )]
        (further < 1e18).then_some(further.ceil() as u64)
    }
}
