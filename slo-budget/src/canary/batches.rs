//! The counts of both arms, cut into batches and steps.
//!
//! Counts are cumulative. Counts that are reported twice change nothing, and a counter that went down, as after a
//! restart, is detected. Neither holds for counts of single batches.

use super::{
    arms::{Arm, InvalidArms, Metric, Side, Tally},
    odds::Table,
};

/// The counts of both arms since the start, and where the current batch and step began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    now: Arms,
    batch_start: Arms,
    step_start: Arms,
    /// Known failures of the canary since its last good request.
    in_a_row: u64,
}

#[derive(Clone, Copy, Debug)]
struct Arms {
    baseline: Arm,
    canary: Arm,
}

/// The requests since the batch before, with requests in both arms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) errors: Table,
    pub(super) slow: Table,
}

impl Batches {
    pub(super) const EMPTY: Self = {
        let nothing = Arms {
            baseline: Arm::new(0, 0),
            canary: Arm::new(0, 0),
        };
        Self {
            now: nothing,
            batch_start: nothing,
            step_start: nothing,
            in_a_row: 0,
        }
    };

    /// Takes the latest counts.
    pub(super) fn update(
        &mut self,
        baseline: Arm,
        canary: Arm,
        judges_latency: bool,
    ) -> Result<(), InvalidArms> {
        let baseline = baseline.checked(Side::Baseline, self.now.baseline, judges_latency)?;
        let canary = canary.checked(Side::Canary, self.now.canary, judges_latency)?;
        let new = (canary.tally(Metric::Errors)).since(self.now.canary.tally(Metric::Errors));
        // Only new counts that are all failures continue the run.
        self.in_a_row = if new.hits < new.total {
            0
        } else {
            self.in_a_row + new.hits
        };
        self.now = Arms { baseline, canary };
        Ok(())
    }

    /// The current batch, if it is complete. The next one begins with it.
    ///
    /// Only the number of requests completes a batch, never their outcome: a batch that ends when it looks good would
    /// prove nothing.
    pub(super) fn complete_batch(&mut self) -> Option<Batch> {
        let Self {
            now, batch_start, ..
        } = *self;
        let table = |metric| {
            let baseline = (now.baseline.tally(metric)).since(batch_start.baseline.tally(metric));
            let canary = (now.canary.tally(metric)).since(batch_start.canary.tally(metric));
            Table {
                baseline: baseline.total,
                canary: canary.total,
                failures: baseline.hits + canary.hits,
                canary_failures: canary.hits,
            }
        };
        let (errors, slow) = (table(Metric::Errors), table(Metric::Slow));
        if errors.baseline == 0 || errors.canary == 0 {
            return None;
        }
        self.batch_start = now;
        Some(Batch { errors, slow })
    }

    /// Begins a step. An incomplete batch continues: dropping it after its outcome is known would be a choice.
    pub(super) const fn begin_step(&mut self) {
        self.step_start = self.now;
    }

    pub(super) const fn baseline(&self) -> Arm {
        self.now.baseline
    }

    pub(super) const fn canary(&self) -> Arm {
        self.now.canary
    }

    /// The tally of the canary since the step began.
    pub(super) const fn canary_in_step(&self, metric: Metric) -> Tally {
        (self.now.canary.tally(metric)).since(self.step_start.canary.tally(metric))
    }

    /// The tally of the baseline since the step began.
    pub(super) const fn baseline_in_step(&self, metric: Metric) -> Tally {
        (self.now.baseline.tally(metric)).since(self.step_start.baseline.tally(metric))
    }

    /// Whether a batch was completed in this step.
    pub(super) const fn has_compared(&self) -> bool {
        self.batch_start.canary.total() > self.step_start.canary.total()
    }

    /// The longest known run of failures of the canary.
    pub(super) fn in_a_row(&self) -> u64 {
        self.in_a_row.max(self.now.canary.in_a_row())
    }
}
