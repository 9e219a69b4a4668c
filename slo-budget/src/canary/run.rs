//! A running release.

use tokio::time::Instant;

use super::{
    arms::{Arm, Metric, Tally},
    batches::{Batch, Batches, Change, InARow, Sums},
    bets::Bets,
    faults::Faults,
    intervals::rate_of,
    invalid::InvalidArms,
    limits::Parts,
    policy::{CanaryPolicy, MOST_LIMITS},
};
use crate::gate::Gate;

/// A running release: the counts of both arms, and the evidence from them.
///
/// There is one value for one release, made by [`CanaryPolicy::start`]. Its size is 4 KB whatever is observed. With the
/// feature `serde` it can be saved and restored: see `Canary::saved`.
///
/// ```text
/// start ─► 10 % ── promote, advance ─► 25 % ─► 50 % ─► 100 %: complete
///            │ hold ⟲                    │       │        │
///            └──────────────── roll back ┴───────┴────────┘   for ever, once it was shown to be bad
/// ```
///
/// Counts, and evidence that the release is bad, add up over all steps. Evidence that it is not worse than the baseline
/// begins anew with each step, because each step may show something else.
#[doc(alias("analysis", "progressive delivery"))]
#[derive(Clone, Debug)]
pub struct Canary {
    pub(super) policy: CanaryPolicy,
    pub(super) gate: Option<Gate>,
    pub(super) step: usize,
    pub(super) step_began: Instant,
    pub(super) batches: Batches,
    pub(super) errors: Compared,
    pub(super) latency: Compared,
    /// One for each limit of the policy.
    pub(super) limits: [Parts; MOST_LIMITS],
    pub(super) both_fail: Option<u64>,
    pub(super) measurement_errors: u32,
    pub(super) faults: Faults,
}

/// What the complete batches have shown of one metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Compared {
    pub(super) sums: Sums,
    pub(super) bets: Bets,
}

impl Canary {
    pub(super) const fn new(policy: &CanaryPolicy, now: Instant) -> Self {
        const NOTHING: Compared = Compared {
            sums: Sums::EMPTY,
            bets: Bets::NONE,
        };
        Self {
            policy: *policy,
            gate: None,
            step: 0,
            step_began: now,
            batches: Batches::new(now),
            errors: NOTHING,
            latency: NOTHING,
            limits: [Parts::new(now); MOST_LIMITS],
            both_fail: None,
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
        self.policy.share_at(self.step)
    }

    /// Whether it has all requests.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.step() == 100
    }

    /// Takes a measurement: the counts of both arms **since the start**. It may be called at any interval; four measurements a
    /// [`batch`](crate::canary::Builder::batch) are a good choice. Where a count is lower than before, as after a restart or
    /// when the baseline is scaled down, a new batch begins. What the canary did in the last one counts for the harm that it does,
    /// and the last one compares nothing. Where counts are sums over instances, remove the resets of each first, as
    /// `increase` of Prometheus does: a fall that new requests hide is not seen.
    ///
    /// # Errors
    ///
    /// [`InvalidArms`] when the counts are invalid. Then the counts are ignored, and a failed measurement is counted, as by
    /// [`measurement_failed`](Self::measurement_failed).
    ///
    /// # Cost
    ///
    /// A measurement that completes no batch allocates nothing. One that does lists the likely numbers of failures in two
    /// distributions at a time, some 20 standard deviations each, and frees them before it returns: at most 65,536 numbers,
    /// half a megabyte. A batch of a thousand requests takes about 35,000 instructions and 18 allocations (the bench's row
    /// "slo, canary, a batch of a thousand observed").
    pub fn observe(&mut self, baseline: Arm, canary: Arm) -> Result<(), InvalidArms> {
        self.observe_at(baseline, canary, Instant::now())
    }

    /// As [`observe`](Self::observe), at `now`.
    ///
    /// # Errors
    ///
    /// As [`observe`](Self::observe).
    pub fn observe_at(
        &mut self,
        baseline: Arm,
        canary: Arm,
        now: Instant,
    ) -> Result<(), InvalidArms> {
        let (arms, cut) = ([baseline, canary], self.batches.so_far());
        let change = match self.batches.update(arms, &self.policy, now) {
            Ok(change) => change,
            Err(invalid) => {
                self.measurement_failed();
                return Err(invalid);
            }
        };
        self.measurement_errors = 0;
        if change == Change::Fell {
            self.errors.sums.add_cut(cut.tallies(Metric::Errors));
            if self.policy.compares_latency {
                self.latency.sums.add_cut(cut.tallies(Metric::Slow));
            }
        }
        self.check_limits(change, &cut, now);
        if change != Change::None {
            self.check_run();
        }
        if let Some(batch) = self.batches.complete(&self.policy, now) {
            let policy = &self.policy;
            self.errors.add(batch.tallies(Metric::Errors), policy);
            if policy.compares_latency {
                self.latency.add(batch.tallies(Metric::Slow), policy);
            }
            (self.faults).compare(policy, &self.errors.bets, &self.latency.bets);
        }
        Ok(())
    }

    fn check_limits(&mut self, change: Change, cut: &Batch, now: Instant) {
        let arms = self.batches.arms();
        for (n, limit) in self.policy.limits.iter().enumerate() {
            let (Some(limit), parts) = (limit, &mut self.limits[n]) else {
                continue;
            };
            if change == Change::Fell {
                parts.carry(limit, cut.end(), &arms);
            }
            parts.update(limit, &arms, now);
            if let Some(beyond) = parts.beyond(limit) {
                self.faults.show_beyond(n, beyond);
            }
        }
    }

    fn check_run(&mut self) {
        let usual = rate_of(self.errors.sums.baseline);
        let run = (self.batches).in_a_row(self.policy.failures_in_a_row, usual);
        self.both_fail = None;
        match run {
            Some(InARow::OfCanary(failures)) => self.faults.show_in_a_row(failures),
            Some(InARow::OfBoth(failures)) => self.both_fail = Some(failures),
            None => {}
        }
    }

    /// Counts a measurement that failed. Nothing is promoted until one succeeds. Too many in a row roll back if the policy
    /// says so ([`measurement_errors`](crate::canary::Builder::measurement_errors)).
    pub const fn measurement_failed(&mut self) {
        self.measurement_errors = self.measurement_errors.saturating_add(1);
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
            self.batches.begin(now);
            self.errors.begin_step();
            self.latency.begin_step();
        }
        self.step()
    }
}

impl Compared {
    fn add(&mut self, tallies: [Tally; 2], policy: &CanaryPolicy) {
        self.sums.add(tallies);
        let [baseline, canary] = tallies;
        (self.bets).add(baseline, canary, policy.times_error_rate, policy.margin);
    }

    #[cfg(feature = "serde")]
    pub(super) fn is_sound(&self) -> bool {
        self.sums.is_sound() && self.bets.is_sound()
    }

    fn begin_step(&mut self) {
        self.sums.begin_step();
        self.bets.begin_step();
    }
}
