use std::{any::type_name, fmt};

use super::Malformed;

/// What becomes of a request whose header is malformed.
///
/// You rarely name it: [`Ignore`] is there by default, and
/// [`refuse`](super::ReadDeadlineLayer::refuse) takes a closure.
pub trait OnMalformed<Res, Err> {
    /// The answer; `None` where the header is taken for missing and the call is made.
    fn on_malformed(&self, malformed: Malformed) -> Option<Result<Res, Err>>;
}

/// The default: a malformed header is taken for missing. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Ignore;

/// Answers in place of the service. Made by [`refuse`](super::ReadDeadlineLayer::refuse).
#[derive(Clone, Copy)]
pub struct Refuse<F>(pub(super) F);

impl<Res, Err> OnMalformed<Res, Err> for Ignore {
    fn on_malformed(&self, _: Malformed) -> Option<Result<Res, Err>> {
        None
    }
}

impl<Res, Err, F: Fn(Malformed) -> Result<Res, Err>> OnMalformed<Res, Err> for Refuse<F> {
    fn on_malformed(&self, malformed: Malformed) -> Option<Result<Res, Err>> {
        Some((self.0)(malformed))
    }
}

impl<F> fmt::Debug for Refuse<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refuse({})", type_name::<F>())
    }
}
