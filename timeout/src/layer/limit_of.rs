use std::{any::type_name, fmt, time::Duration};

/// The limit a request asks for.
///
/// You rarely name it: [`Fixed`] is there by default, and [`limit`](crate::TimeoutLayer::limit) takes
/// a closure.
pub trait LimitOf<Req> {
    /// How long a call with `request` may take; [`Duration::MAX`] when the request does not say.
    /// Asked once a call.
    fn limit_of(&self, request: &Req) -> Duration;
}

/// The default: the limit is that of the [`Timeout`](crate::Timeout) for every request. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Fixed;

/// A closure reads the limit from the request. Made by [`limit`](crate::TimeoutLayer::limit).
#[derive(Clone, Copy)]
pub struct LimitWith<F>(pub(crate) F);

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
