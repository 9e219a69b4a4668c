use std::{any::type_name, fmt};

use crate::types::Elapsed;

/// Turns an elapsed call into an answer of the service.
///
/// You rarely name it. [`IntoError`] is the default, and [`on_reject`](crate::TimeoutLayer::on_reject) takes a
/// closure. The request is not an argument: the inner call has consumed it.
#[diagnostic::on_unimplemented(
    message = "an elapsed timeout cannot be reported as `{Err}`",
    label = "`{Err}` has no room for `maestro_timeout::Elapsed`",
    note = "give it room: `impl From<Elapsed>` (thiserror: `#[from] Elapsed`) where `{Err}` is your own type,",
    note = "or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,",
    note = "or answer elapsed calls yourself: `TimeoutLayer::on_reject(|elapsed| ...)`"
)]
pub trait OnReject<Res, Err> {
    /// Returns the answer to a call that elapsed.
    ///
    /// # Errors
    ///
    /// The error that the caller of the service receives.
    fn on_reject(&self, elapsed: Elapsed) -> Result<Res, Err>;
}

/// The default: the rejection becomes the service's error by `From<Elapsed>`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and create"
)]
pub struct IntoError;

/// Answers by a closure. Created by [`on_reject`](crate::TimeoutLayer::on_reject).
#[derive(Clone, Copy)]
pub struct Answer<F>(pub(crate) F);

// Without `do_not_recommend` rustc reports the inner `From` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<Res, Err: From<Elapsed>> OnReject<Res, Err> for IntoError {
    fn on_reject(&self, elapsed: Elapsed) -> Result<Res, Err> {
        Err(elapsed.into())
    }
}

impl<Res, Err, F: Fn(Elapsed) -> Result<Res, Err>> OnReject<Res, Err> for Answer<F> {
    fn on_reject(&self, elapsed: Elapsed) -> Result<Res, Err> {
        (self.0)(elapsed)
    }
}

impl<F> fmt::Debug for Answer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({})", type_name::<F>())
    }
}
