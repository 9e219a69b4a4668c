//! The counts of both arms, cut into batches and steps.
//!
//! A batch ends with the first measurement after its time in which both arms have had requests. Only the time and the
//! number of requests end a batch, never their outcome: a batch that ends when it looks good would prove nothing. Where a
//! count falls, the batch is cut short and compares nothing, as the outcome may be why it fell: failures make instances
//! restart. The requests of the canary in it count for the harm that it does, so that no failure is lost.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    arms::{Arm, Metric, Tally},
    intervals::{Seen, as_f64},
    invalid::{InvalidArms, Side},
    policy::CanaryPolicy,
};

/// The latest counts, and where the current batch began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    pub(super) kept: Kept,
    pub(super) began: Instant,
}

/// What is saved of the batches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Kept {
    baseline: Arm,
    canary: Arm,
    /// The counts when the current batch began.
    start: [Arm; 2],
    /// The errors of both arms in the batch before, also if it was cut short. A run of failures may reach back into it.
    before: [Tally; 2],
    /// Known failures of the canary since its last good request.
    in_a_row: u64,
    /// How many of these there were when the baseline last failed as well.
    excused: u64,
    /// The longest run that an arm told while the baseline failed as well.
    excused_of_arm: u64,
    /// An arm whose counts fell in this batch.
    fell: Option<Side>,
}

/// The requests of one batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch([Arm; 2], [Arm; 2]);

/// The difference of a measurement from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Grew,
    Fell,
}

/// The failures of the canary in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InARow {
    OfCanary(u64),
    OfBoth(u64),
}

/// The batches of one metric: the complete ones, and of the canary those that were cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Sums {
    pub(super) baseline: Tally,
    pub(super) canary: Tally,
    batches: u32,
    /// Σ hits² / requests of the canary.
    squares: f64,
    pub(super) in_step: Tally,
    pub(super) batches_in_step: u32,
}

/// Whether a time that began has passed. A tenth is given, so that a measurement a minute ends a batch of one minute
/// although it comes a moment early.
pub(super) fn is_over(began: Instant, time: Duration, now: Instant) -> bool {
    now.saturating_duration_since(began) >= time.saturating_sub(time / 10)
}

// === impl Batches ===

impl Batches {
    pub(super) const fn new(began: Instant) -> Self {
        const NOTHING: Arm = Arm::new(0, 0);
        Self {
            kept: Kept {
                baseline: NOTHING,
                canary: NOTHING,
                start: [NOTHING; 2],
                before: [Tally { total: 0, hits: 0 }; 2],
                in_a_row: 0,
                excused: 0,
                excused_of_arm: 0,
                fell: None,
            },
            began,
        }
    }

    /// Takes the latest counts.
    pub(super) fn update(
        &mut self,
        [baseline, canary]: [Arm; 2],
        policy: &CanaryPolicy,
        now: Instant,
    ) -> Result<Change, InvalidArms> {
        let kept = &mut self.kept;
        let baseline = baseline.checked(Side::Baseline, kept.baseline, policy.metrics())?;
        let canary = canary.checked(Side::Canary, kept.canary, policy.metrics())?;
        let fell = [
            baseline.fell(kept.baseline).then_some(Side::Baseline),
            canary.fell(kept.canary).then_some(Side::Canary),
        ];
        // Counts that fell began again at 0.
        let was = match fell[1] {
            Some(_) => Arm::default(),
            None => kept.canary,
        };
        let new = (canary.tally(Metric::Errors)).since(was.tally(Metric::Errors));
        // Only new counts that are all failures continue the run.
        if new.hits < new.total {
            (kept.in_a_row, kept.excused) = (0, 0);
        } else {
            kept.in_a_row = kept.in_a_row.saturating_add(new.hits);
        }
        if (kept.baseline, kept.canary) == (baseline, canary) {
            return Ok(Change::None);
        }
        let cut = Batch(kept.start, [kept.baseline, kept.canary]).tallies(Metric::Errors);
        (kept.baseline, kept.canary) = (baseline, canary);
        let fell = fell.into_iter().flatten().next();
        if fell.is_none() {
            return Ok(Change::Grew);
        }
        let (before, [of_baseline, of_canary]) = (kept.before, cut);
        self.begin(now);
        self.kept.fell = fell;
        // The run may have begun in it, or before it if it has just begun.
        self.kept.before = if of_baseline.total > 0 {
            [of_baseline, of_canary]
        } else {
            [before[0], before[1].plus(of_canary)]
        };
        Ok(Change::Fell)
    }

    /// The current batch, if it is complete. The next one begins with it.
    pub(super) fn complete(&mut self, policy: &CanaryPolicy, now: Instant) -> Option<Batch> {
        let batch = self.so_far();
        let [baseline, canary] = batch.tallies(Metric::Errors);
        let is_complete =
            baseline.total > 0 && canary.total > 0 && is_over(self.began, policy.batch, now);
        is_complete.then(|| {
            self.begin(now);
            self.kept.before = [baseline, canary];
            batch
        })
    }

    /// Begins a batch with the latest counts. The one that was cut short compares nothing.
    pub(super) const fn begin(&mut self, now: Instant) {
        self.kept.start = [self.kept.baseline, self.kept.canary];
        self.kept.before = [Tally { total: 0, hits: 0 }; 2];
        self.kept.fell = None;
        self.began = now;
    }

    pub(super) const fn arms(&self) -> [Arm; 2] {
        [self.kept.baseline, self.kept.canary]
    }

    /// The current batch, complete or not.
    pub(super) const fn so_far(&self) -> Batch {
        Batch(self.kept.start, self.arms())
    }

    /// The errors of both arms in the current batch.
    pub(super) fn current(&self) -> [Tally; 2] {
        self.so_far().tallies(Metric::Errors)
    }

    /// The arm whose counts fell in this batch.
    pub(super) const fn fell(&self) -> Option<Side> {
        self.kept.fell
    }

    /// The longest run of failures of the canary, if it is at least `least` and was not excused before, because the
    /// baseline failed meanwhile. `usual` is the baseline's error rate until then.
    pub(super) fn in_a_row(&mut self, least: u64, usual: f64) -> Option<InARow> {
        let (measured, of_arm) = (self.kept.in_a_row, self.kept.canary.in_a_row());
        let run = measured.max(of_arm);
        if run < least {
            return None;
        }
        if self.baseline_fails(run, usual) {
            self.kept.excused = measured;
            self.kept.excused_of_arm = self.kept.excused_of_arm.max(of_arm);
            return Some(InARow::OfBoth(run));
        }
        let runs = [
            (measured, self.kept.excused),
            (of_arm, self.kept.excused_of_arm),
        ];
        let mut runs = runs
            .into_iter()
            .filter(|(run, excused)| run >= &least && run > excused);
        runs.next().map(|(run, _)| InARow::OfCanary(run))
    }

    /// Whether at least half of the baseline's requests fail in this batch, alone or with the one before, or as many more
    /// than usual as half of its requests during the run. A run that began a moment ago is a small part of a batch.
    fn baseline_fails(&self, run: u64, usual: f64) -> bool {
        let (now, before) = (self.current(), self.kept.before);
        let both = [now[0].plus(before[0]), now[1].plus(before[1])];
        [now, both].into_iter().any(|[baseline, canary]| {
            let (total, more) = (
                as_f64(baseline.total),
                as_f64(baseline.hits) - usual * as_f64(baseline.total),
            );
            let during = as_f64(run.min(canary.total)) / as_f64(canary.total.max(1));
            baseline.is_half() || (canary.total > 0 && total > 0.0 && more >= 0.5 * during * total)
        })
    }
}

// === impl Kept ===

#[cfg(feature = "serde")]
impl Kept {
    pub(super) const fn arms(&self) -> [Arm; 2] {
        [self.baseline, self.canary]
    }

    pub(super) fn is_sound(&self, policy: &CanaryPolicy) -> bool {
        let both = self.arms().into_iter().zip(self.start);
        self.before.iter().all(|tally| tally.is_sound())
            && both.into_iter().all(|(now, start)| {
                // The counts before the first measurement have no latency.
                let valid = |arm: Arm| arm.checked(Side::Canary, Arm::default(), policy.metrics());
                (valid(now).is_ok() || now == Arm::default())
                    // Its sum is computed below.
                    && start.counts().total() <= now.counts().total()
                    && policy
                        .metrics()
                        .all(|metric| start.tally(metric).is_before(now.tally(metric)))
                    && start
                        .tally(Metric::Errors)
                        .is_before(now.tally(Metric::Errors))
            })
    }
}

// === impl Batch ===

impl Batch {
    /// The counts of both arms at its end.
    pub(super) const fn end(&self) -> &[Arm; 2] {
        &self.1
    }

    /// The tallies of the baseline and of the canary.
    pub(super) fn tallies(&self, metric: Metric) -> [Tally; 2] {
        let Self([baseline_was, canary_was], [baseline, canary]) = self;
        [(baseline, baseline_was), (canary, canary_was)]
            .map(|(now, was)| now.tally(metric).since(was.tally(metric)))
    }
}

// === impl Sums ===

impl Sums {
    pub(super) const EMPTY: Self = {
        let none = Tally { total: 0, hits: 0 };
        Self {
            baseline: none,
            canary: none,
            batches: 0,
            squares: 0.0,
            in_step: none,
            batches_in_step: 0,
        }
    };

    pub(super) fn add(&mut self, [baseline, canary]: [Tally; 2]) {
        self.baseline = self.baseline.plus(baseline);
        self.batches_in_step = self.batches_in_step.saturating_add(1);
        self.add_of_canary(canary);
    }

    /// Adds what the canary did in a batch that was cut short.
    pub(super) fn add_cut(&mut self, [_, canary]: [Tally; 2]) {
        if canary.total > 0 {
            self.add_of_canary(canary);
        }
    }

    fn add_of_canary(&mut self, canary: Tally) {
        self.canary = self.canary.plus(canary);
        self.in_step = self.in_step.plus(canary);
        self.batches = self.batches.saturating_add(1);
        let hits = as_f64(canary.hits);
        self.squares += hits * hits / as_f64(canary.total);
    }

    pub(super) const fn begin_step(&mut self) {
        self.in_step = Tally { total: 0, hits: 0 };
        self.batches_in_step = 0;
    }

    #[cfg(feature = "serde")]
    pub(super) fn is_sound(&self) -> bool {
        self.baseline.is_sound()
            && self.in_step.is_before(self.canary)
            && self.batches_in_step <= self.batches
            && (0.0..1e20).contains(&self.squares)
    }

    /// The requests of the canary in all steps, with χ² of its batches: the squares of what they differ from the common
    /// rate, by what that rate lets expect.
    pub(super) fn seen(&self) -> Seen {
        let (total, hits) = (as_f64(self.canary.total), as_f64(self.canary.hits));
        let dispersion = if self.canary.hits > 0 && self.batches > 1 {
            let chi_square = self.squares * total / hits - hits;
            (chi_square / f64::from(self.batches - 1)).max(1.0)
        } else {
            1.0
        };
        Seen {
            tally: self.canary,
            dispersion,
        }
    }
}
