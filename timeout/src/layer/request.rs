//! What a layer reads from a request: its deadline and its limit.

use std::{any::type_name, fmt, time::Duration};

use tokio::time::Instant;

/// Reads the deadline of a request.
///
/// You rarely name it. [`NoDeadline`] is the default, and [`deadline`](crate::TimeoutLayer::deadline) takes a
/// closure.
pub trait DeadlineOf<Req> {
    /// Returns the deadline of `request`; `None` if it has none. Called once for each call.
    fn deadline_of(&self, request: &Req) -> Option<Instant>;

    /// Stores in `request` that its call ends `limit` after `started`, for the layers inside. The default stores
    /// nothing.
    ///
    /// [`TimeoutLayer`](crate::TimeoutLayer) calls it once for each call that it bounds, before the inner `call`.
    /// The end is never later than the deadline of the request.
    #[inline]
    fn tell(&self, request: &mut Req, started: Instant, limit: Duration) {
        let _ = (request, started, limit);
    }
}

/// The default: no request has a deadline. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and create"
)]
pub struct NoDeadline;

/// Reads the deadline by a closure. Created by [`deadline`](crate::TimeoutLayer::deadline).
#[derive(Clone, Copy)]
pub struct DeadlineWith<F>(pub(crate) F);

/// Reads the limit of a request.
///
/// You rarely name it. [`Fixed`] is the default, and [`limit`](crate::TimeoutLayer::limit) takes a closure.
pub trait LimitOf<Req> {
    /// Returns the limit of a call with `request`; [`Duration::MAX`] if the request has none. Called once for
    /// each call.
    fn limit_of(&self, request: &Req) -> Duration;
}

/// The default: every request has the limit of the [`Timeout`](crate::Timeout). Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and create"
)]
pub struct Fixed;

/// Reads the limit by a closure. Created by [`limit`](crate::TimeoutLayer::limit).
#[derive(Clone, Copy)]
pub struct LimitWith<F>(pub(super) F);

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

// === impl LimitOf ===

impl<Req> LimitOf<Req> for Fixed {
    fn limit_of(&self, _: &Req) -> Duration {
        Duration::MAX
    }
}

impl<Req, F: Fn(&Req) -> Duration> LimitOf<Req> for LimitWith<F> {
    fn limit_of(&self, request: &Req) -> Duration {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for LimitWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitWith({})", type_name::<F>())
    }
}
