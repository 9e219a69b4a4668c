use std::{borrow::Borrow, sync::Arc};

use crate::{Adaptive, Core, Fixed, Limit, Regulate};

/// How a handle, a permit or a future holds the shared state: an [`Arc`](std::sync::Arc), or a `&'static`.
///
/// Sealed: whatever finds a [`Core`] by [`Borrow`] is one.
pub trait Pointer: sealed::Sealed {
    /// What keeps the limit.
    type Regulator: Regulate;

    #[doc(hidden)]
    fn core(&self) -> &Core<Self::Regulator>;
}

impl<P: Borrow<Core>> Pointer for P {
    type Regulator = Fixed;

    fn core(&self) -> &Core {
        self.borrow()
    }
}

impl<L: Limit> Pointer for Arc<Core<Adaptive<L>>> {
    type Regulator = Adaptive<L>;

    fn core(&self) -> &Core<Adaptive<L>> {
        self
    }
}

mod sealed {
    use super::{Adaptive, Arc, Borrow, Core, Limit};

    #[expect(unnameable_types, reason = "this is what seals `Pointer`")]
    pub trait Sealed {}
    impl<P: Borrow<Core>> Sealed for P {}
    impl<L: Limit> Sealed for Arc<Core<Adaptive<L>>> {}
}
