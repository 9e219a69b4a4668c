//! What a release has come to: the verdict, and the evidence behind it. Nothing here changes the release.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    arms::Metric,
    builder::Overdue,
    claim::Claim,
    evidence::Evidence,
    faults::measure,
    intervals::wilson,
    policy::LEAST_BATCHES,
    reason::Reason,
    run::{Canary, Compared},
    verdict::{Hold, Promotion, RollBack, Verdict},
};

impl Canary {
    /// What to do now. It changes nothing, so the answer stays the same until something is observed or time passes.
    ///
    /// `now` matters for `min_wait` and `max_wait` only. A time before the start counts as the start.
    pub fn verdict(&self, now: Instant) -> Verdict {
        let evidence = self.evidence();
        let roll_back = |reasons| Verdict::RollBack(RollBack { reasons, evidence });
        let mut faults = self.faults.reasons(&self.policy);
        if (self.policy.measurement_errors).is_some_and(|most| self.measurement_errors > most) {
            faults.push(Reason::NoMeasurement(self.measurement_errors));
        }
        if !faults.is_empty() {
            return roll_back(faults);
        }
        let promote = |reasons| {
            Verdict::Promote(Promotion {
                to: self.next(),
                reasons,
                evidence,
            })
        };
        if self.is_complete() && self.batches.arms()[1].counts().total() > 0 {
            return promote(vec![Reason::Complete]);
        }
        let waited = now.saturating_duration_since(self.step_began);
        let mut obstacles = self.obstacles(waited);
        let (mut shown, mut undecided) = (Vec::new(), Vec::new());
        for claim in self.claims() {
            let at_most = match claim.metric {
                Metric::Errors => evidence.at_most,
                _ => claim.at_most(),
            };
            match claim.shown(at_most) {
                Ok(reason) => shown.push(reason),
                Err(reason) => undecided.push(reason),
            }
        }
        if obstacles.is_empty() && undecided.is_empty() {
            return promote(shown);
        }
        if evidence.batches == 0 {
            // Without data in this step there is no other reason.
            undecided.clear();
        }
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

    /// The counts, and what they show.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let (policy, sums) = (&self.policy, &self.errors.sums);
        let latency = policy.compares_latency.then_some(&self.latency.bets);
        Evidence {
            step: self.step(),
            batches: sums.batches_in_step,
            baseline: sums.baseline.counts(),
            canary: sums.canary.counts(),
            canary_in_step: sums.in_step.counts(),
            baseline_rate: wilson(sums.baseline),
            canary_rate: wilson(sums.canary),
            dispersion: sums.seen().dispersion,
            at_most: self.errors_claim().at_most(),
            worse: policy.worse(&self.errors.bets),
            far_worse: policy.far_worse(&self.errors.bets),
            not_worse: policy.promotion_value(self.errors.bets.not_worse.ln()),
            slower: latency.map(|bets| policy.slower(bets)),
            not_slower: latency.map(|bets| policy.promotion_value(bets.not_worse.ln())),
        }
    }

    /// The share of the next step.
    fn next(&self) -> u8 {
        self.policy.share_at(self.step + 1)
    }

    fn errors_claim(&self) -> Claim<'_> {
        self.claim(Metric::Errors, &self.errors)
    }

    /// The claims that a promotion needs.
    fn claims(&self) -> impl Iterator<Item = Claim<'_>> {
        let latency = self.policy.compares_latency;
        let latency = latency.then(|| self.claim(Metric::Slow, &self.latency));
        std::iter::once(self.errors_claim()).chain(latency)
    }

    fn claim(&self, metric: Metric, compared: &Compared) -> Claim<'_> {
        Claim {
            policy: &self.policy,
            metric,
            next: self.next(),
            seen: compared.sums.seen(),
            in_step: compared.sums.in_step,
            ln_not_worse: compared.bets.not_worse.ln(),
        }
    }

    /// The reasons that hold even a good release.
    fn obstacles(&self, waited: Duration) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let batches = self.errors.sums.batches_in_step;
        let [baseline, canary] = self.batches.current();
        let left = self.policy.min_wait.saturating_sub(waited);
        let has_fallen = self.batches.fell().is_some();
        if batches == 0 && canary.total == 0 && !has_fallen {
            reasons.push(Reason::NoData);
        } else if batches == 0 && baseline.total == 0 && !has_fallen {
            reasons.push(Reason::NothingToCompare);
        } else if batches < LEAST_BATCHES || !left.is_zero() {
            reasons.push(Reason::TooEarly {
                batches,
                needed: LEAST_BATCHES,
                left,
            });
        }
        reasons.extend(self.batches.fell().map(Reason::CountsFell));
        reasons.extend(self.both_fail.map(Reason::BothFail));
        reasons.extend(self.both_beyond());
        if self.measurement_errors > 0 {
            reasons.push(Reason::MeasurementFailed(self.measurement_errors));
        }
        if self.gate.as_ref().is_some_and(|gate| !gate.is_open()) {
            reasons.push(Reason::GateClosed);
        }
        reasons
    }

    fn both_beyond(&self) -> impl Iterator<Item = Reason> {
        let limits = self.policy.limits.iter().zip(&self.limits);
        limits.filter_map(|(limit, parts)| {
            let limit = limit.as_ref()?;
            let beyond = parts.beyond(limit).filter(|beyond| beyond.both)?;
            Some(Reason::BothBeyond(measure(
                limit,
                beyond.tally,
                &self.policy,
            )))
        })
    }

    /// An extrapolation: the counts grow in proportion.
    fn at_this_rate(&self) -> Option<u64> {
        let mut further = self.claims().map(|claim| claim.at_this_rate());
        let most = further.try_fold(0.0, |most: f64, further| Some(most.max(further?)))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, below 2^63"
        )]
        (most < 1e18).then_some(most.ceil() as u64)
    }
}
