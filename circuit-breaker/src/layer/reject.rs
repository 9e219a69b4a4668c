use std::{any::type_name, fmt};

use crate::types::Open;

/// Turns a rejection into the service's own answer.
///
/// It is rarely named: [`IntoError`] is the default, and
/// [`on_reject`](crate::CircuitBreakerLayer::on_reject) and
/// [`fallback`](crate::CircuitBreakerLayer::fallback) take closures.
#[diagnostic::on_unimplemented(
    message = "an open circuit cannot be reported as `{Err}`",
    label = "`{Err}` has no room for `maestro_circuit_breaker::Open`",
    note = "give it room: `impl From<Open>` (thiserror: `#[from] Open`) where `{Err}` is your own type,",
    note = "or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,",
    note = "or answer rejected calls yourself: `CircuitBreakerLayer::on_reject(|open| ...)`"
)]
pub trait OnReject<Req, Res, Err> {
    /// The answer to a call that was rejected.
    ///
    /// # Errors
    ///
    /// The error that the callers of the service get.
    fn on_reject(&self, open: Open, request: Req) -> Result<Res, Err>;
}

/// The default: the rejection becomes the service's error by `From<Open>`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct IntoError;

/// Answers from the rejection alone. Made by [`on_reject`](crate::CircuitBreakerLayer::on_reject).
#[derive(Clone, Copy)]
pub struct Answer<F>(pub(super) F);

/// Answers from the rejection and the request. Made by
/// [`fallback`](crate::CircuitBreakerLayer::fallback).
#[derive(Clone, Copy)]
pub struct Fallback<F>(pub(super) F);

// Without `do_not_recommend` rustc reports the inner `From` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<Req, Res, Err: From<Open>> OnReject<Req, Res, Err> for IntoError {
    fn on_reject(&self, open: Open, _: Req) -> Result<Res, Err> {
        Err(open.into())
    }
}

impl<Req, Res, Err, F: Fn(Open) -> Result<Res, Err>> OnReject<Req, Res, Err> for Answer<F> {
    fn on_reject(&self, open: Open, _: Req) -> Result<Res, Err> {
        (self.0)(open)
    }
}

impl<Req, Res, Err, F: Fn(Open, Req) -> Result<Res, Err>> OnReject<Req, Res, Err> for Fallback<F> {
    fn on_reject(&self, open: Open, request: Req) -> Result<Res, Err> {
        (self.0)(open, request)
    }
}

impl<F> fmt::Debug for Answer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({})", type_name::<F>())
    }
}

impl<F> fmt::Debug for Fallback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fallback({})", type_name::<F>())
    }
}
