use std::{any::type_name, fmt, num::NonZeroU32, time::Duration};

use crate::{
    acquire::{Acquire, Begun},
    bulkhead::{Bulkhead, StaticBulkhead},
    config::Line,
    permit::Permit,
    state::{Caller, Core, Many, Patience, Pointer},
    types::{Cause, Full},
};

/// Where a [`BulkheadLayer`](crate::BulkheadLayer) takes its places from: a [`Bulkhead`], a `&'static` [`StaticBulkhead`], or
/// a family with its key ([`By`](crate::By)); and [`Weighted`] around one of them.
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
    fn begin(&self, request: &Req, line: &Line, patience: &Patience) -> Begun<Self::Pointer>;

    /// Runs `f` on the bulkhead of `request`, and again on another one where it returns `None`: the member is retired.
    #[doc(hidden)]
    fn visit<T>(&self, request: &Req, f: impl Fn(&Self::Pointer) -> Option<T>) -> T;

    #[doc(hidden)]
    fn refuse(&self, request: &Req, cause: Cause) -> Option<Full>;
}

impl<Req, P: Pointer + Clone> Source<Req> for Bulkhead<P> {
    type Pointer = P;

    fn try_acquire(&self, _: &Req) -> Result<Permit<P>, Full> {
        self.try_acquire()
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as `QueueService::call`, whose future is made in its final place"
    )]
    fn begin(&self, _: &Req, line: &Line, patience: &Patience) -> Begun<P> {
        Acquire::begin(&self.0, line, patience)
    }

    fn visit<T>(&self, _: &Req, f: impl Fn(&P) -> Option<T>) -> T {
        f(&self.0).expect("only a member of a family retires")
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

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as `QueueService::call`, whose future is made in its final place"
    )]
    fn begin(&self, _: &Req, line: &Line, patience: &Patience) -> Begun<&'static Core> {
        Acquire::begin(&&self.0, line, patience)
    }

    fn visit<T>(&self, _: &Req, f: impl Fn(&&'static Core) -> Option<T>) -> T {
        f(&&self.0).expect("only a member of a family retires")
    }

    fn refuse(&self, _: &Req, cause: Cause) -> Option<Full> {
        self.0.refuse(cause, Duration::ZERO, Caller::Outside)
    }
}

/// A bulkhead whose calls take several places, as many as a function of the request says. Made by
/// [`weight`](crate::BulkheadLayer::weight).
#[derive(Clone, Copy)]
pub struct Weighted<B, F> {
    pub(super) source: B,
    pub(super) places: F,
}

impl<Req, B, F> Source<Req> for Weighted<B, F>
where
    B: Source<Req>,
    B::Pointer: Clone,
    F: Fn(&Req) -> NonZeroU32,
{
    type Pointer = Many<B::Pointer>;

    fn try_acquire(&self, request: &Req) -> Result<Permit<Self::Pointer>, Full> {
        self.visit(request, |many| {
            let entered = many.core().try_acquire_unless_retired(many.places())?;
            Some(entered.map(|()| Permit::new(many.clone())))
        })
    }

    fn begin(&self, request: &Req, line: &Line, patience: &Patience) -> Begun<Self::Pointer> {
        self.visit(request, |many| match Acquire::begin(many, line, patience) {
            Begun::Retired => None,
            begun => Some(begun),
        })
    }

    fn visit<T>(&self, request: &Req, f: impl Fn(&Self::Pointer) -> Option<T>) -> T {
        let places = (self.places)(request);
        self.source
            .visit(request, |one| f(&Many::new(one.clone(), places)))
    }

    fn refuse(&self, request: &Req, cause: Cause) -> Option<Full> {
        self.source.refuse(request, cause)
    }
}

impl<B: fmt::Debug, F> fmt::Debug for Weighted<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weighted")
            .field("source", &self.source)
            .field("places", &type_name::<F>())
            .finish()
    }
}

pub(crate) mod sealed {
    use super::{Bulkhead, Pointer, StaticBulkhead, Weighted};

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
    impl<B: Sealed, F> Sealed for Weighted<B, F> {}
}
