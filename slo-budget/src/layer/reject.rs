use std::{any::type_name, fmt};

use crate::gate::Spent;

/// Turns a refusal into an answer of the service.
///
/// You rarely name it: [`IntoError`] is the default, and [`on_reject`](crate::GateLayer::on_reject) and
/// [`fallback`](crate::GateLayer::fallback) take closures.
#[diagnostic::on_unimplemented(
    message = "a refusal of the gate cannot be reported as `{Err}`",
    label = "`{Err}` has no room for `maestro_slo_budget::Spent`",
    note = "give it room: `impl From<Spent>` (thiserror: `#[from] Spent`) where `{Err}` is your own type,",
    note = "or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,",
    note = "or answer refused calls yourself: `GateLayer::on_reject(|spent| ...)`"
)]
pub trait OnReject<Req, Res, Err> {
    /// The answer to a refused request.
    ///
    /// # Errors
    ///
    /// The error that the caller of the service gets.
    fn on_reject(&self, spent: Spent, request: Req) -> Result<Res, Err>;
}

/// The default: the refusal becomes the service's error by `From<Spent>`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct IntoError;

/// Answers from the refusal alone. Made by [`on_reject`](crate::GateLayer::on_reject).
#[derive(Clone, Copy)]
pub struct Answer<F>(pub(super) F);

/// Answers from the refusal and the request. Made by [`fallback`](crate::GateLayer::fallback).
#[derive(Clone, Copy)]
pub struct Fallback<F>(pub(super) F);

// Without `do_not_recommend` rustc reports the inner `From` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<Req, Res, Err: From<Spent>> OnReject<Req, Res, Err> for IntoError {
    fn on_reject(&self, spent: Spent, _: Req) -> Result<Res, Err> {
        Err(spent.into())
    }
}

impl<Req, Res, Err, F: Fn(Spent) -> Result<Res, Err>> OnReject<Req, Res, Err> for Answer<F> {
    fn on_reject(&self, spent: Spent, _: Req) -> Result<Res, Err> {
        (self.0)(spent)
    }
}

impl<Req, Res, Err, F: Fn(Spent, Req) -> Result<Res, Err>> OnReject<Req, Res, Err> for Fallback<F> {
    fn on_reject(&self, spent: Spent, request: Req) -> Result<Res, Err> {
        (self.0)(spent, request)
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
