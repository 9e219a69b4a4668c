//! What a policy asks of a request: a copy for the next attempt, and a deadline.

use std::{any::type_name, fmt};

use tokio::time::Instant;

/// Copies a request for the next attempt.
///
/// You rarely name it: [`CloneRequest`] is the default, and [`replay`](crate::RetryPolicy::replay) takes a closure.
///
/// It is asked before an attempt, and only if another one may follow it. So a request is copied
/// `min(attempts made, attempts allowed − 1)` times.
#[diagnostic::on_unimplemented(
    message = "`{Req}` cannot be repeated",
    label = "`{Req}` is not `Clone`, so there is nothing to send a second time",
    note = "derive `Clone` where `{Req}` is your own type,",
    note = "or say how to copy it by `.replay(|request: &{Req}| ...)`, which returns an `Option`"
)]
pub trait Replay<Req> {
    /// A copy of `request`, or `None` if the request must not, or cannot, be sent again.
    fn replay(&self, request: &Req) -> Option<Req>;
}

/// The default [`Replay`]: every request is cloned. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct CloneRequest;

/// A [`Replay`] by a closure. Made by [`replay`](crate::RetryPolicy::replay).
#[derive(Clone, Copy)]
pub struct ReplayWith<F>(F);

/// Finds the deadline of a request, after which its caller no longer waits for the answer.
///
/// You rarely name it: [`NoDeadline`] is the default, and [`deadline`](crate::RetryPolicy::deadline) takes a closure.
pub trait DeadlineOf<Req> {
    /// The deadline of `request`, if it has one. Asked once a call, and only if a retry is possible; with a
    /// [hedge](crate::RetryLayer::hedge) also once an attempt.
    fn deadline_of(&self, request: &Req) -> Option<Instant>;
}

/// The default [`DeadlineOf`]: no request has a deadline. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct NoDeadline;

/// A [`DeadlineOf`] by a closure. Made by [`deadline`](crate::RetryPolicy::deadline).
#[derive(Clone, Copy)]
pub struct DeadlineWith<F>(pub(super) F);

// === impl Replay ===

// Without `do_not_recommend` rustc reports the inner `Clone` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<Req: Clone> Replay<Req> for CloneRequest {
    fn replay(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

impl<F> ReplayWith<F> {
    pub(crate) const fn new(f: F) -> Self {
        Self(f)
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

// === impl DeadlineOf ===

impl<Req> DeadlineOf<Req> for NoDeadline {
    fn deadline_of(&self, _: &Req) -> Option<Instant> {
        None
    }
}

impl<Req, F: Fn(&Req) -> Option<Instant>> DeadlineOf<Req> for DeadlineWith<F> {
    fn deadline_of(&self, request: &Req) -> Option<Instant> {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for DeadlineWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeadlineWith({})", type_name::<F>())
    }
}
