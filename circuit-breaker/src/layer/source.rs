use std::{borrow::Borrow, sync::Arc};

pub(crate) use self::sealed::Sealed;
use crate::{
    breaker::{CircuitBreaker, StaticCircuitBreaker},
    call::{Call, Core},
    types::Open,
};

/// What a [`CircuitBreakerLayer`](crate::CircuitBreakerLayer) can be made of: a [`CircuitBreaker`],
/// a `&'static` [`StaticCircuitBreaker`], or a family with the key of a request
/// ([`CircuitBreakers::by`](crate::CircuitBreakers::by)).
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a circuit breaker",
    label = "a `CircuitBreakerLayer` cannot be made of this",
    note = "build it: `CircuitBreaker::builder()` ends with `.build(\"name\")`,",
    note = "of a family choose the member: `breakers.by(|request| ...)`,",
    note = "of a handle behind a reference take a clone: it shares the state"
)]
pub trait Source<Req>: Sealed {
    /// What the token of a call holds to find its breaker again.
    type Pointer: Borrow<Core> + Clone;

    /// Whether any call would be rejected now, so that the inner service need not be asked whether
    /// it is ready. A family returns `false`: without a request there is no key.
    #[doc(hidden)]
    fn is_rejecting(&self) -> bool;

    /// Asks to make the call with `request`.
    ///
    /// # Errors
    ///
    /// [`Open`] when it may not be made now.
    fn try_acquire(&self, request: &Req) -> Result<Call<Self::Pointer>, Open>;

    /// Rejects the call with `request`, because the inner service was not asked whether it is
    /// ready.
    #[doc(hidden)]
    fn reject(&self, request: &Req) -> Open;

    #[doc(hidden)]
    fn pointer(&self, request: &Req) -> Self::Pointer;

    /// Records that the inner service failed when it was asked whether it is ready. A family does
    /// not: it says nothing about any key.
    fn readiness_failed(&self);
}

impl<Req> Source<Req> for CircuitBreaker {
    type Pointer = Arc<Core>;

    #[inline]
    fn is_rejecting(&self) -> bool {
        self.core().is_rejecting()
    }

    #[inline]
    fn try_acquire(&self, _: &Req) -> Result<Call, Open> {
        self.try_acquire()
    }

    // Inlined, the rejection is made in its final place.
    #[inline]
    fn reject(&self, _: &Req) -> Open {
        self.core().refuse()
    }

    fn pointer(&self, _: &Req) -> Arc<Core> {
        Arc::clone(CircuitBreaker::pointer(self))
    }

    fn readiness_failed(&self) {
        if let Ok(call) = self.try_acquire() {
            call.failure();
        }
    }
}

impl<Req> Source<Req> for &'static StaticCircuitBreaker {
    type Pointer = &'static Core;

    #[inline]
    fn is_rejecting(&self) -> bool {
        self.core().is_rejecting()
    }

    #[inline]
    fn try_acquire(&self, _: &Req) -> Result<Call<&'static Core>, Open> {
        StaticCircuitBreaker::try_acquire(self)
    }

    // Inlined, the rejection is made in its final place.
    #[inline]
    fn reject(&self, _: &Req) -> Open {
        self.core().refuse()
    }

    fn pointer(&self, _: &Req) -> &'static Core {
        StaticCircuitBreaker::pointer(self)
    }

    fn readiness_failed(&self) {
        if let Ok(call) = StaticCircuitBreaker::try_acquire(self) {
            call.failure();
        }
    }
}

mod sealed {
    use super::{CircuitBreaker, StaticCircuitBreaker};

    #[expect(unnameable_types, reason = "this is what seals `Source`")]
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a circuit breaker",
        label = "a `CircuitBreakerLayer` cannot be made of this",
        note = "build it: `CircuitBreaker::builder()` ends with `.build(\"name\")`,",
        note = "of a family choose the member: `breakers.by(|request| ...)`,",
        note = "of a handle behind a reference take a clone: it shares the state"
    )]
    pub trait Sealed {}
    impl Sealed for CircuitBreaker {}
    impl Sealed for &'static StaticCircuitBreaker {}
}
