use std::time::Duration;

use crate::{
    Acquire, Bulkhead, Cause, Core, Full, Permit, Pointer, StaticBulkhead,
    acquire::Begun,
    state::{Line, Standing},
};

/// What a [`BulkheadLayer`](crate::BulkheadLayer) can be made of: a [`Bulkhead`], a `&'static` [`StaticBulkhead`], or a family with its key ([`By`](crate::By)).
///
/// Sealed: the request is an argument so that a bulkhead can be chosen by it.
pub trait Guard<Req>: sealed::Sealed {
    /// What a permit holds to find its bulkhead again.
    type Pointer: Pointer;

    /// Takes a place for `request`.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is none.
    fn try_acquire(&self, request: &Req) -> Result<Permit<Self::Pointer>, Full>;

    #[doc(hidden)]
    fn begin(&self, request: &Req, line: Line) -> Begun<Self::Pointer>;

    #[doc(hidden)]
    fn refuse(&self, request: &Req, cause: Cause) -> Option<Full>;
}

impl<Req, P: Pointer + Clone> Guard<Req> for Bulkhead<P> {
    type Pointer = P;

    fn try_acquire(&self, _: &Req) -> Result<Permit<P>, Full> {
        self.try_acquire()
    }

    fn begin(&self, _: &Req, line: Line) -> Begun<P> {
        Acquire::begin(&self.0, line)
    }

    fn refuse(&self, _: &Req, cause: Cause) -> Option<Full> {
        self.0
            .core()
            .refuse(cause, Duration::ZERO, Standing::Outside)
    }
}

impl<Req> Guard<Req> for &'static StaticBulkhead {
    type Pointer = &'static Core;

    fn try_acquire(&self, _: &Req) -> Result<Permit<&'static Core>, Full> {
        StaticBulkhead::try_acquire(self)
    }

    fn begin(&self, _: &Req, line: Line) -> Begun<&'static Core> {
        Acquire::begin(&&self.0, line)
    }

    fn refuse(&self, _: &Req, cause: Cause) -> Option<Full> {
        self.0.refuse(cause, Duration::ZERO, Standing::Outside)
    }
}

mod sealed {
    use super::{Bulkhead, Pointer, StaticBulkhead};

    #[expect(unnameable_types, reason = "this is what seals `Guard`")]
    pub trait Sealed {}
    impl<P: Pointer + Clone> Sealed for Bulkhead<P> {}
    impl Sealed for &'static StaticBulkhead {}
    impl<K, F, R> Sealed for crate::By<K, F, R> {}
}
