use std::{borrow::Borrow, sync::Arc};

use super::Core;
use crate::limit::{Adaptive, Fixed, Limit, Regulate};

/// How a handle, a permit or a future holds the shared state: an [`Arc`], or a `&'static`.
///
/// Sealed. A type that finds a [`Core`] by [`Borrow`] is a pointer.
pub trait Pointer: sealed::Sealed {
    /// What keeps the limit.
    type Regulator: Regulate;

    #[doc(hidden)]
    fn core(&self) -> &Core<Self::Regulator>;
}

// One blanket impl for the fixed limit, so that `P: Borrow<Core>` is enough for user code that is generic over pointers.
impl<P: Borrow<Core>> Pointer for P {
    type Regulator = Fixed;

    fn core(&self) -> &Core {
        self.borrow()
    }
}

// An adaptive limit lives in an `Arc` only. Its clock begins when it is built, so it cannot be a constant, and two readings
// of the clock a call outweigh the reference count. A `static` holds it in a `LazyLock`.
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
