use std::{fmt, sync::Arc};

use crate::{Core, Outcome, Pointer, Regulate};

/// A place in a [`Bulkhead`](crate::Bulkhead). Dropping it makes room again, also while panicking.
///
/// A call may say how it went with one of the methods that consume it; a permit that is dropped unsaid
/// says nothing (a cancelled call is no sign of overload).
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the permit at once gives the place back before the call"]
pub struct Permit<P: Pointer = Arc<Core>> {
    core: P,
    start: Start<P>,
}

/// Nothing, for a fixed limit: its permit is its pointer.
type Start<P> = <<P as Pointer>::Regulator as Regulate>::Start;

impl<P: Pointer> Permit<P> {
    /// The core must have been asked for a place, with success, once for this permit.
    pub(crate) fn new(core: P) -> Self {
        let start = core.core().regulator.start();
        Self { core, start }
    }

    pub(crate) fn core(&self) -> &Core<P::Regulator> {
        self.core.core()
    }

    /// The call went well. Makes room.
    pub fn success(self) {
        self.finish(Outcome::Success);
    }

    /// The call met an overload: counted in [`Bulkhead::overloads`](crate::Bulkhead::overloads). Makes room.
    pub fn overload(self) {
        self.finish(Outcome::Overload);
    }

    /// The call says nothing about load. Makes room, as dropping does.
    pub fn ignore(self) {
        self.finish(Outcome::Ignored);
    }

    /// Says how the call went, in one value. Makes room.
    pub fn finish(self, outcome: Outcome) {
        // The place is given back by the drop, after this.
        Regulate::finished(self.core.core(), self.start, outcome);
    }
}

impl<P: Pointer> Drop for Permit<P> {
    fn drop(&mut self) {
        self.core.core().release();
    }
}

impl<P: Pointer> fmt::Debug for Permit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(self.core.core()).finish()
    }
}
