//! What the window holds, and whether it is too much.

use crate::{
    bucket::Counts,
    buckets::epoch,
    cause::Cause,
    circuit::Circuit,
    settings::Measured,
    sync::atomic::{Ordering::SeqCst, fence},
};

/// What the window holds. Each ratio counts calls of its own; those of one that is not configured are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) failed: Counts,
    pub(crate) slow: Counts,
}

/// How a call ended that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

/// What recording a call in the window came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Nothing: its generation is over.
    Late,
    Counted,
    /// It is the one too many.
    TooMuch(Cause),
}

impl Circuit {
    /// Records a call in the window. Only one that failed, or was slow, can be one too many.
    pub(crate) fn record(
        &self,
        window: Measured,
        generation: u32,
        ended: Ended,
        now: u64,
    ) -> Recorded {
        let epoch = epoch(now, window.bucket, generation);
        let is_current = || self.load().closed_in(generation).is_some();
        let is_late = (window.failed.is_some()
            && !self.failed.record(epoch, ended.failed, is_current))
            || (window.slow.is_some() && !self.slow.record(epoch, ended.slow, is_current));
        if is_late {
            return Recorded::Late;
        }
        let asks_failures = window.failed.is_some() && ended.failed;
        let asks_slowness = window.slow.is_some() && ended.slow;
        if !asks_failures && !asks_slowness {
            return Recorded::Counted;
        }
        // Two failures may be in two buckets, at the edge of an epoch. Each is recorded, then fenced,
        // then the sum is read: at least one of the two sees both.
        fence(SeqCst);
        let mut measure = Measure::default();
        if asks_failures {
            measure.failed = self.failed.sum(epoch);
        }
        if asks_slowness {
            measure.slow = self.slow.sum(epoch);
        }
        match measure.too_much(window) {
            Some(cause) => Recorded::TooMuch(cause),
            None => Recorded::Counted,
        }
    }

    /// What the window of `generation` holds at `now`.
    pub(crate) fn measure(&self, generation: u32, now: u64) -> Measure {
        let mut measure = Measure::default();
        if let Some(window) = self.settings.window {
            let epoch = epoch(now, window.bucket, generation);
            if window.failed.is_some() {
                measure.failed = self.failed.sum(epoch);
            }
            if window.slow.is_some() {
                measure.slow = self.slow.sum(epoch);
            }
        }
        measure
    }
}

impl Measure {
    pub(crate) const fn calls(self) -> u32 {
        // Where both are counted they are the same calls; one that is just being recorded may be in one.
        if self.failed.calls > self.slow.calls {
            self.failed.calls
        } else {
            self.slow.calls
        }
    }

    /// Why the circuit has to open, if it has: failures are asked first.
    fn too_much(self, window: Measured) -> Option<Cause> {
        let reaches = |counts: Counts, ratio| counts.calls >= window.minimum && counts.reach(ratio);
        let Self { failed, slow } = self;
        if reaches(failed, window.failed) {
            return Some(Cause::FailureRatio {
                failures: failed.bad,
                calls: failed.calls,
            });
        }
        reaches(slow, window.slow).then_some(Cause::SlowRatio {
            slow: slow.bad,
            calls: slow.calls,
        })
    }
}

impl Counts {
    fn reach(self, ratio: Option<crate::ratio::Ratio>) -> bool {
        ratio.is_some_and(|ratio| ratio.is_reached(self.bad, self.calls))
    }
}
