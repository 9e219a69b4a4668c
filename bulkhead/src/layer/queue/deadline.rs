use std::{any::type_name, fmt};

use tokio::time::Instant;

/// When a request's caller stops waiting for its answer. Given to [`QueueLayer::deadline`](crate::QueueLayer::deadline) as a
/// closure.
pub trait DeadlineOf<Req> {
    /// The deadline of `request`, if it has one.
    fn deadline_of(&self, request: &Req) -> Option<Instant>;
}

/// The default: no request has a deadline. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct NoDeadline;

/// The closure reads the deadline from the request. Made by [`QueueLayer::deadline`](crate::QueueLayer::deadline).
#[derive(Clone, Copy)]
pub struct DeadlineWith<F>(pub(super) F);

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
