use std::{borrow::Borrow, sync::Arc};

use crate::{Bulkhead, Core, Full, Permit, StaticBulkhead};

/// What a [`BulkheadLayer`](crate::BulkheadLayer) can be made of: a [`Bulkhead`] or a `&'static` [`StaticBulkhead`].
///
/// Sealed: the request is an argument so that a bulkhead chosen by the request can be one more.
pub trait Guard<Req>: sealed::Sealed {
    /// What a permit holds to find its bulkhead again.
    type Pointer: Borrow<Core>;

    /// Takes a place for `request`.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is none.
    fn try_acquire(&self, request: &Req) -> Result<Permit<Self::Pointer>, Full>;
}

impl<Req> Guard<Req> for Bulkhead {
    type Pointer = Arc<Core>;

    fn try_acquire(&self, _: &Req) -> Result<Permit, Full> {
        self.try_acquire()
    }
}

impl<Req> Guard<Req> for &'static StaticBulkhead {
    type Pointer = &'static Core;

    fn try_acquire(&self, _: &Req) -> Result<Permit<&'static Core>, Full> {
        StaticBulkhead::try_acquire(self)
    }
}

mod sealed {
    use super::{Bulkhead, StaticBulkhead};

    #[expect(unnameable_types, reason = "this is what seals `Guard`")]
    pub trait Sealed {}
    impl Sealed for Bulkhead {}
    impl Sealed for &'static StaticBulkhead {}
}
