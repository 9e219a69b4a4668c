use std::time::Duration;

use crate::{
    acquire::{Acquire, Begun},
    bulkhead::{Bulkhead, StaticBulkhead},
    permit::Permit,
    state::{Caller, Core, Line, Pointer},
    types::{Cause, Full},
};

/// Where a [`BulkheadLayer`](crate::BulkheadLayer) takes its places from: a [`Bulkhead`], a `&'static` [`StaticBulkhead`], or
/// a family with its key ([`By`](crate::By)).
///
/// Sealed: a permit must find the very bulkhead that admitted it, and no type can check that.
// The request is an argument so that a bulkhead can be chosen by it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bulkhead",
    label = "a `BulkheadLayer` cannot be made of this",
    note = "build it: `Bulkhead::builder().limit(16).build(\"name\")`,",
    note = "of a family choose the member: `bulkheads.by(|request| ...)`,",
    note = "of a handle behind a reference take a clone: it shares the places"
)]
pub trait Source<Req>: sealed::Sealed {
    /// How a permit finds its bulkhead.
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

impl<Req, P: Pointer + Clone> Source<Req> for Bulkhead<P> {
    type Pointer = P;

    fn try_acquire(&self, _: &Req) -> Result<Permit<P>, Full> {
        self.try_acquire()
    }

    fn begin(&self, _: &Req, line: Line) -> Begun<P> {
        Acquire::begin(&self.0, line)
    }

    fn refuse(&self, _: &Req, cause: Cause) -> Option<Full> {
        let core = self.0.core();
        core.refuse(cause, Duration::ZERO, Caller::Outside)
    }
}

impl<Req> Source<Req> for &'static StaticBulkhead {
    type Pointer = &'static Core;

    fn try_acquire(&self, _: &Req) -> Result<Permit<&'static Core>, Full> {
        StaticBulkhead::try_acquire(self)
    }

    fn begin(&self, _: &Req, line: Line) -> Begun<&'static Core> {
        Acquire::begin(&&self.0, line)
    }

    fn refuse(&self, _: &Req, cause: Cause) -> Option<Full> {
        self.0.refuse(cause, Duration::ZERO, Caller::Outside)
    }
}

pub(crate) mod sealed {
    use super::{Bulkhead, Pointer, StaticBulkhead};

    #[expect(unnameable_types, reason = "this is what seals `Source`")]
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a bulkhead",
        label = "a `BulkheadLayer` cannot be made of this",
        note = "build it: `Bulkhead::builder().limit(16).build(\"name\")`,",
        note = "of a family choose the member: `bulkheads.by(|request| ...)`,",
        note = "of a handle behind a reference take a clone: it shares the places"
    )]
    pub trait Sealed {}
    impl<P: Pointer + Clone> Sealed for Bulkhead<P> {}
    impl Sealed for &'static StaticBulkhead {}
}
