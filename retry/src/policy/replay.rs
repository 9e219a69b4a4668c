use std::{any::type_name, fmt};

/// Makes the copy of a request that a later attempt will send.
///
/// You rarely name it: [`CloneRequest`] is there by default, and
/// [`replay`](crate::RetryPolicy::replay) takes a closure.
///
/// It is asked before an attempt, and only when another one could follow it. So a request is copied
/// `min(attempts made, attempts allowed − 1)` times.
#[diagnostic::on_unimplemented(
    message = "`{Req}` cannot be repeated",
    label = "`{Req}` is not `Clone`, so the retry layer has nothing to send a second time",
    note = "derive `Clone` where `{Req}` is your own type,",
    note = "or say how to copy it: `RetryPolicy::replay(|request: &{Req}| ...)`, which returns an `Option`"
)]
pub trait Replay<Req> {
    /// A copy of `request`; `None` when this request must not, or cannot, be sent again.
    fn replay(&self, request: &Req) -> Option<Req>;
}

/// The default: every request is cloned. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct CloneRequest;

/// The closure copies, or refuses to. Made by [`replay`](crate::RetryPolicy::replay).
#[derive(Clone, Copy)]
pub struct ReplayWith<F>(pub(crate) F);

// Without `do_not_recommend` rustc reports the inner `Clone` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<Req: Clone> Replay<Req> for CloneRequest {
    fn replay(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

impl<Req, F: Fn(&Req) -> Option<Req>> Replay<Req> for ReplayWith<F> {
    fn replay(&self, request: &Req) -> Option<Req> {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for ReplayWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayWith({})", type_name::<F>())
    }
}
