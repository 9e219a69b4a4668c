//! Feature `metrics`: what a gate did since it was last asked. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
pub(crate) use on::Done;
#[cfg(feature = "metrics")]
pub(super) use on::Tally;

#[cfg(feature = "metrics")]
mod on {
    use crate::{gate::Change, sync::Mutex};

    /// How often the gate refused (by its policy, by an override) and changed (in the order of [`Change::CAUSES`]).
    #[derive(Clone, Copy, Debug, Default)]
    pub(crate) struct Done {
        pub(crate) refused: [u64; 2],
        pub(crate) changes: [u64; Change::CAUSES.len()],
    }

    /// Locked at a change and when it is asked, and never by a request.
    #[derive(Debug)]
    pub(in crate::gate) struct Tally(Mutex<Inside>);

    #[derive(Debug, Default)]
    struct Inside {
        changes: [u64; Change::CAUSES.len()],
        /// The refusals that were taken.
        refused: [u64; 2],
    }

    impl Tally {
        pub(in crate::gate) fn new() -> Self {
            Self(Mutex::new(Inside::default()))
        }

        pub(in crate::gate) fn add(&self, change: &Change) {
            self.0.lock().changes[change.index()] += 1;
        }

        /// Takes what is new. `refused` returns all refusals since the gate was built.
        pub(in crate::gate) fn take(&self, refused: impl FnOnce() -> [u64; 2]) -> Done {
            let mut inside = self.0.lock();
            // Read under the lock, so that the counts of two callers are in order. A request in between may be counted
            // for a moment, so the next count may be lower.
            let now = refused();
            let mut new = [0; 2];
            for ((new, was), now) in new.iter_mut().zip(&mut inside.refused).zip(now) {
                *new = now.saturating_sub(*was);
                *was = now.max(*was);
            }
            Done {
                refused: new,
                changes: std::mem::take(&mut inside.changes),
            }
        }
    }

    #[cfg(feature = "family")]
    impl Done {
        pub(crate) fn add(&mut self, other: &Self) {
            let sums = self.refused.iter_mut().chain(&mut self.changes);
            for (sum, more) in sums.zip(other.refused.iter().chain(&other.changes)) {
                *sum = sum.saturating_add(*more);
            }
        }
    }
}

#[cfg(not(feature = "metrics"))]
#[derive(Debug)]
pub(super) struct Tally;

#[cfg(not(feature = "metrics"))]
#[expect(clippy::unused_self, reason = "as with the feature")]
impl Tally {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline]
    pub(super) const fn add(&self, _: &super::Change) {}
}
