use crate::canary::{
    Arm, InvalidArms, Side,
    arms::{Of, Tally},
    odds::Table,
};

/// What both sides have counted since the start, and where the batch and the step began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    now: Pair,
    batch_from: Pair,
    step_from: Pair,
    /// Failures of the canary with no good request since, as far as is known.
    in_a_row: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    baseline: Arm,
    canary: Arm,
}

/// What came since the last one, in which both had requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) errors: Table,
    pub(crate) slow: Table,
}

impl Counted {
    pub(crate) const NOTHING: Self = {
        let nothing = Pair {
            baseline: Arm::new(0, 0),
            canary: Arm::new(0, 0),
        };
        Self {
            now: nothing,
            batch_from: nothing,
            step_from: nothing,
            in_a_row: 0,
        }
    };

    pub(crate) fn take(
        &mut self,
        baseline: Arm,
        canary: Arm,
        wants_latency: bool,
    ) -> Result<(), InvalidArms> {
        baseline.check(Side::Baseline, self.now.baseline, wants_latency)?;
        canary.check(Side::Canary, self.now.canary, wants_latency)?;
        let new = (canary.tally(Of::Errors)).since(self.now.canary.tally(Of::Errors));
        // What holds failures only goes on with the run of them; anything else begins a new one.
        self.in_a_row = if new.hits < new.total {
            0
        } else {
            self.in_a_row + new.hits
        };
        self.now = Pair { baseline, canary };
        Ok(())
    }

    /// The batch, if it is complete; the next one begins with it.
    ///
    /// By how many requests there are, never by how they went: a batch that ends where it looks well would prove
    /// nothing.
    pub(crate) fn complete_batch(&mut self) -> Option<Batch> {
        let Self {
            now, batch_from, ..
        } = *self;
        let table = |of| {
            let baseline = now.baseline.tally(of).since(batch_from.baseline.tally(of));
            let canary = now.canary.tally(of).since(batch_from.canary.tally(of));
            Table {
                baseline: baseline.total,
                canary: canary.total,
                failures: baseline.hits + canary.hits,
                canary_failures: canary.hits,
            }
        };
        let (errors, slow) = (table(Of::Errors), table(Of::Slow));
        if errors.baseline == 0 || errors.canary == 0 {
            return None;
        }
        self.batch_from = now;
        Some(Batch { errors, slow })
    }

    /// A batch that still lacks one side goes on over this: to drop it, as seen by how it went so far, would be to choose.
    pub(crate) const fn begin_step(&mut self) {
        self.step_from = self.now;
    }

    pub(crate) const fn baseline(&self) -> Arm {
        self.now.baseline
    }

    pub(crate) const fn canary(&self) -> Arm {
        self.now.canary
    }

    /// Of the canary since the step began.
    pub(crate) const fn canary_in_step(&self, of: Of) -> Tally {
        (self.now.canary.tally(of)).since(self.step_from.canary.tally(of))
    }

    /// Of the baseline since the step began.
    pub(crate) const fn baseline_in_step(&self, of: Of) -> Tally {
        (self.now.baseline.tally(of)).since(self.step_from.baseline.tally(of))
    }

    /// Whether a batch was complete in this step.
    pub(crate) const fn has_compared(&self) -> bool {
        self.batch_from.canary.total() > self.step_from.canary.total()
    }

    /// The longest run of failures of the canary that is known of.
    pub(crate) fn in_a_row(&self) -> u64 {
        self.in_a_row.max(self.now.canary.in_a_row())
    }
}
