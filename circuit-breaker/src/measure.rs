//! What the window holds, and whether it is too much.

use crate::{
    bucket::Counts,
    buckets::{Buckets, epoch},
    cause::Cause,
    circuit::Circuit,
    ratio::Ratio,
    recent::Head,
    settings::{Measured, Over},
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
        let asked = Ended {
            failed: window.failed.is_some() && ended.failed,
            slow: window.slow.is_some() && ended.slow,
        };
        let measure = match window.over {
            Over::Time { bucket } => {
                self.record_in_time(window, epoch(now, bucket, generation), generation, asked)
            }
            Over::Calls(size) => self
                .recent
                .record(size, generation, asked, self.is_current(generation))
                .map(|head| Measure::of_calls(window, size, head)),
        };
        match measure.map(|measure| measure.too_much(window, asked)) {
            None => Recorded::Late,
            Some(None) => Recorded::Counted,
            Some(Some(cause)) => Recorded::TooMuch(cause),
        }
    }

    /// What the window then holds of what `ended` asks for; `None` if the generation is over.
    fn record_in_time(
        &self,
        window: Measured,
        epoch: u64,
        generation: u32,
        ended: Ended,
    ) -> Option<Measure> {
        let is_current = self.is_current(generation);
        let is_late = (window.failed.is_some()
            && !self.failed.record(epoch, ended.failed, &is_current))
            || (window.slow.is_some() && !self.slow.record(epoch, ended.slow, &is_current));
        if is_late {
            return None;
        }
        let mut measure = Measure::default();
        if ended.failed || ended.slow {
            // Two failures may be in two buckets, at the edge of an epoch. Each is recorded, then fenced,
            // then the sum is read: at least one of the two sees both.
            fence(SeqCst);
        }
        if ended.failed {
            measure.failed = self.failed.sum(epoch);
        }
        if ended.slow {
            measure.slow = self.slow.sum(epoch);
        }
        Some(measure)
    }

    /// What the window of `generation` holds at `now`.
    pub(crate) fn measure(&self, generation: u32, now: u64) -> Measure {
        let Some(window) = self.settings.window else {
            return Measure::default();
        };
        match window.over {
            Over::Time { bucket } => {
                let epoch = epoch(now, bucket, generation);
                let sum = |kept: bool, ring: &Buckets| {
                    if kept {
                        ring.sum(epoch)
                    } else {
                        Counts::default()
                    }
                };
                Measure {
                    failed: sum(window.failed.is_some(), &self.failed),
                    slow: sum(window.slow.is_some(), &self.slow),
                }
            }
            Over::Calls(size) => (self.recent.read(generation))
                .map_or_else(Measure::default, |head| {
                    Measure::of_calls(window, size, head)
                }),
        }
    }

    fn is_current(&self, generation: u32) -> impl Fn() -> bool {
        move || self.load().records_in(generation).is_some()
    }
}

impl Measure {
    /// Of a window of calls.
    fn of_calls(window: Measured, size: u32, head: Head) -> Self {
        let counts = |kept: bool, bad| {
            if kept {
                let calls = head.calls(size);
                Counts { calls, bad }
            } else {
                Counts::default()
            }
        };
        Self {
            failed: counts(window.failed.is_some(), head.failures()),
            slow: counts(window.slow.is_some(), head.slow()),
        }
    }

    pub(crate) const fn calls(self) -> u32 {
        // Where both are counted they are the same calls; one that is just being recorded may be in one.
        if self.failed.calls > self.slow.calls {
            self.failed.calls
        } else {
            self.slow.calls
        }
    }

    /// Why the circuit has to open after a call that ended so, if it has: failures are asked first.
    fn too_much(self, window: Measured, ended: Ended) -> Option<Cause> {
        let reaches = |counts: Counts, ratio: Option<Ratio>| {
            counts.calls >= window.minimum
                && ratio.is_some_and(|ratio| ratio.is_reached(counts.bad, counts.calls))
        };
        let Self { failed, slow } = self;
        if ended.failed && reaches(failed, window.failed) {
            return Some(Cause::FailureRatio {
                failures: failed.bad,
                calls: failed.calls,
            });
        }
        (ended.slow && reaches(slow, window.slow)).then_some(Cause::SlowRatio {
            slow: slow.bad,
            calls: slow.calls,
        })
    }
}
