//! What the window holds, and whether it is too much.

use crate::{
    bucket::Counts,
    buckets::Buckets,
    cause::Cause,
    circuit::Circuit,
    live::Plan,
    ratio::Ratio,
    recent::Head,
    settings::{Measured, Over, Settings},
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

impl Circuit {
    /// Records a call in the window, by the numbers that hold when it counts: `plan`, `settings` and `ended`, how
    /// it `ends` by them, are then those. What the window holds of what they ask for; `None` if its
    /// generation is over, or it says nothing.
    ///
    /// Waits for who is changing the numbers at this very moment, where it would else count in no window, or
    /// decide by a part of one.
    pub(crate) fn record(
        &self,
        plan: &mut Plan,
        settings: &mut Settings,
        generation: u32,
        ended: &mut Ended,
        ends: impl Fn(&Settings) -> Option<Ended>,
        clock: impl Fn() -> u64,
    ) -> Option<Measure> {
        // In which of the two rings it is already, if the numbers change in between.
        let (mut failed, mut slow) = (false, false);
        loop {
            let Some(window) = settings.window else {
                return Some(Measure::default());
            };
            let is_current = || self.is_current(*plan, generation);
            let recorded = match window.over {
                Over::Time(grid) => {
                    let epoch = grid.epoch(clock(), generation);
                    failed = failed
                        || window.failed.is_none()
                        || self.failed[grid.ring].record(epoch, ended.failed, is_current);
                    slow = slow
                        || window.slow.is_none()
                        || (failed && self.slow[grid.ring].record(epoch, ended.slow, is_current));
                    (failed && slow)
                        .then(|| self.sum(*plan, window, grid.ring, epoch, *ended))
                        .flatten()
                }
                Over::Calls(last) => {
                    let series = last.series(generation);
                    (self.recent)
                        .record(last.size, series, ended.of(window), is_current)
                        .map(|head| Measure::of_calls(window, last.size, head))
                }
            };
            if recorded.is_some() {
                return recorded;
            }
            if self.live.plan() == *plan {
                if self.load().generation() != generation {
                    return None;
                }
                drop(self.transitions.lock());
                if self.live.plan() == *plan {
                    return None; // the state was about to change, and not the numbers
                }
            }
            (*plan, *settings) = self.live.read();
            // It decides by the new numbers as a whole, though it may be counted already as it was by the old.
            *ended = ends(settings)?;
        }
    }

    /// What the window of time holds of what a call asks for that ended so, and was recorded before. `None` if that
    /// may have been a part of it.
    fn sum(
        &self,
        plan: Plan,
        window: Measured,
        ring: usize,
        epoch: u64,
        ended: Ended,
    ) -> Option<Measure> {
        let asks = |kept: Option<Ratio>, is_bad| kept.is_some() && (is_bad || window.judges_all);
        let (failed, slow) = (
            asks(window.failed, ended.failed),
            asks(window.slow, ended.slow),
        );
        if !failed && !slow {
            return Some(Measure::default());
        }
        // Two failures may be in two buckets, at the edge of an epoch. Each is recorded, then fenced, then
        // the sum is read: at least one of the two sees both.
        fence(SeqCst);
        let sum = |asked, ring: &Buckets| {
            if asked {
                ring.sum(epoch)
            } else {
                Counts::default()
            }
        };
        let measure = Measure {
            failed: sum(failed, &self.failed[ring]),
            slow: sum(slow, &self.slow[ring]),
        };
        // After the sum: who saw a step that was taken out sees that the numbers were changed before.
        (self.live.plan() == plan && !plan.is_being_cut()).then_some(measure)
    }

    /// What the window of `generation` holds at `now`.
    pub(crate) fn measure(&self, settings: &Settings, generation: u32, now: u64) -> Measure {
        let Some(window) = settings.window else {
            return Measure::default();
        };
        match window.over {
            Over::Time(grid) => {
                let epoch = grid.epoch(now, generation);
                let sum = |kept: bool, ring: &Buckets| {
                    if kept {
                        ring.sum(epoch)
                    } else {
                        Counts::default()
                    }
                };
                Measure {
                    failed: sum(window.failed.is_some(), &self.failed[grid.ring]),
                    slow: sum(window.slow.is_some(), &self.slow[grid.ring]),
                }
            }
            Over::Calls(last) => (self.recent.read(last.series(generation)))
                .map_or_else(Measure::default, |head| {
                    Measure::of_calls(window, last.size, head)
                }),
        }
    }

    /// Whether a call of `generation` still counts, and by the numbers of `plan`. A generation begins with
    /// each state, so that its number alone says it.
    #[inline]
    pub(crate) fn is_current(&self, plan: Plan, generation: u32) -> bool {
        self.load().generation() == generation && self.live.plan() == plan
    }
}

impl Ended {
    pub(crate) const WELL: Self = Self {
        failed: false,
        slow: false,
    };

    /// As far as the window keeps it.
    fn of(self, window: Measured) -> Self {
        Self {
            failed: window.failed.is_some() && self.failed,
            slow: window.slow.is_some() && self.slow,
        }
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
    pub(crate) fn too_much(self, settings: &Settings, ended: Ended) -> Option<Cause> {
        let window = settings.window?;
        let reaches = |is_bad, counts: Counts, ratio: Option<Ratio>| {
            (is_bad || window.judges_all)
                && counts.calls >= window.minimum
                && ratio.is_some_and(|ratio| ratio.is_reached(counts.bad, counts.calls))
        };
        let Self { failed, slow } = self;
        if reaches(ended.failed, failed, window.failed) {
            return Some(Cause::FailureRatio {
                failures: failed.bad,
                calls: failed.calls,
            });
        }
        reaches(ended.slow, slow, window.slow).then_some(Cause::SlowRatio {
            slow: slow.bad,
            calls: slow.calls,
        })
    }
}
