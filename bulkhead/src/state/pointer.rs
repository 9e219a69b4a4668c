use std::{borrow::Borrow, num::NonZeroU32, sync::Arc};

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

    /// How many places a permit with this pointer holds. A constant, except for [`Many`]: most permits do not store it.
    #[doc(hidden)]
    #[inline]
    fn places(&self) -> u32 {
        1
    }
}

/// The pointer of a permit that holds several places, with their number. Made by
/// [`acquire_many`](crate::Bulkhead::acquire_many) and [`weight`](crate::BulkheadLayer::weight).
#[derive(Clone, Copy, Debug)]
pub struct Many<P> {
    pointer: P,
    places: NonZeroU32,
}

impl<P> Many<P> {
    pub(crate) const fn new(pointer: P, places: NonZeroU32) -> Self {
        Self { pointer, places }
    }
}

impl<P: Pointer> Pointer for Many<P> {
    type Regulator = P::Regulator;

    fn core(&self) -> &Core<P::Regulator> {
        self.pointer.core()
    }

    fn places(&self) -> u32 {
        self.places.get()
    }
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
    use super::{Adaptive, Arc, Borrow, Core, Limit, Many, Pointer};

    #[expect(unnameable_types, reason = "this is what seals `Pointer`")]
    pub trait Sealed {}
    impl<P: Borrow<Core>> Sealed for P {}
    impl<L: Limit> Sealed for Arc<Core<Adaptive<L>>> {}
    impl<P: Pointer> Sealed for Many<P> {}
}
