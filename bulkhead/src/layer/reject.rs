use std::{any::type_name, fmt};

use crate::types::Full;

/// Turns a refusal into the service's own answer.
///
/// The default is [`IntoError`]. [`on_reject`](crate::BulkheadLayer::on_reject) and
/// [`fallback`](crate::BulkheadLayer::fallback) take closures.
///
/// The compiler refuses an error type without room for a [`Full`] where no closure answers:
///
/// ```compile_fail,E0277
/// # use maestro_bulkhead::{Bulkhead, BulkheadLayer};
/// # use tower::{Layer, Service, service_fn};
/// fn is_service(_: impl Service<(), Error = std::fmt::Error>) {}
/// # fn refused(bulkhead: Bulkhead) {
/// let inner = service_fn(async |()| Ok::<(), std::fmt::Error>(()));
/// is_service(BulkheadLayer::new(bulkhead).layer(inner));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a full bulkhead cannot be reported as `{Err}`",
    label = "`{Err}` has no room for `maestro_bulkhead::Full`",
    note = "give it room: `impl From<Full>` (thiserror: `#[from] Full`) where `{Err}` is your own type,",
    note = "or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,",
    note = "or answer refused calls yourself: `BulkheadLayer::on_reject(|full| ...)`"
)]
pub trait OnReject<Req, Res, Err> {
    /// The answer to a refused call.
    ///
    /// # Errors
    ///
    /// The error that the callers of the service see.
    fn on_reject(&self, full: Full, request: Req) -> Result<Res, Err>;
}

/// The default: converts the refusal into the error of the service by `From<Full>`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct IntoError;

/// Answers from the refusal alone. Made by [`on_reject`](crate::BulkheadLayer::on_reject).
#[derive(Clone, Copy)]
pub struct Answer<F>(pub(super) F);

/// Answers from the refusal and the request. Made by [`fallback`](crate::BulkheadLayer::fallback).
#[derive(Clone, Copy)]
pub struct Fallback<F>(pub(super) F);

// Without `do_not_recommend` rustc reports the inner `From` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<Req, Res, Err: From<Full>> OnReject<Req, Res, Err> for IntoError {
    fn on_reject(&self, full: Full, _: Req) -> Result<Res, Err> {
        Err(full.into())
    }
}

impl<Req, Res, Err, F: Fn(Full) -> Result<Res, Err>> OnReject<Req, Res, Err> for Answer<F> {
    fn on_reject(&self, full: Full, _: Req) -> Result<Res, Err> {
        (self.0)(full)
    }
}

impl<Req, Res, Err, F: Fn(Full, Req) -> Result<Res, Err>> OnReject<Req, Res, Err> for Fallback<F> {
    fn on_reject(&self, full: Full, request: Req) -> Result<Res, Err> {
        (self.0)(full, request)
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
