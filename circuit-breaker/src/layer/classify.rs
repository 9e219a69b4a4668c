use std::{any::type_name, fmt, marker::PhantomData};

#[cfg(feature = "http-body")]
use crate::types::BodyEnd;
use crate::types::{MayReject, Outcome};

/// Classifies the result of a call. Implement it on your type, or use
/// [`failure_if`](crate::CircuitBreakerLayer::failure_if) or
/// [`classify`](crate::CircuitBreakerLayer::classify) with a closure.
#[diagnostic::on_unimplemented(
    message = "the results of this service cannot be classified by `{Self}`",
    label = "does not classify `Result<{Res}, {Err}>`",
    note = "`.http()` and `.grpc()` need a service that answers with an `http::Response`, and this one answers with `{Res}`,",
    note = "a closure needs the type of the whole result: `|result: &Result<{Res}, {Err}>| ...`"
)]
pub trait Classify<Res, Err> {
    /// The outcome that `result` stands for.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;

    /// The outcome of a call whose result was a success, and whose response body has ended now without an error. Asked only
    /// with [`until_body_end`](crate::CircuitBreakerLayer::until_body_end). Feature `http-body`.
    ///
    /// By default a gRPC code in the trailers means what the [table](crate::guide::meaning) says, and any other end is a
    /// success.
    #[cfg(feature = "http-body")]
    fn classify_end(&self, end: BodyEnd<'_>) -> Outcome {
        super::http::outcome(end.meaning())
    }
}

/// The default: errors are failures, and nothing else is. Zero-sized.
///
/// A rejection by a layer further in, such as a full bulkhead, is an error as well. Use
/// [`ignore_rejections`](crate::CircuitBreakerLayer::ignore_rejections) where there is one, or local overload opens the
/// breaker.
// The default does not look for rejections in errors: a result whose address is passed on stays in memory, and a healthy
// call then takes 105 instructions instead of 54. To pass the error by value to a function that cannot unwind did not help.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct ErrIsFailure;

/// Errors are failures, except rejections by layers further in, which are ignored. Zero-sized. Made by
/// [`ignore_rejections`](crate::CircuitBreakerLayer::ignore_rejections).
///
/// The compiler infers `M`, see [`MayReject`].
#[derive(Clone, Copy, Debug, Default)]
pub struct IgnoreRejections<M = ()>(PhantomData<fn() -> M>);

impl<M> IgnoreRejections<M> {
    pub(super) const NEW: Self = Self(PhantomData);
}

/// Results for which the closure returns true are failures, all others successes. Made by
/// [`failure_if`](crate::CircuitBreakerLayer::failure_if).
#[derive(Clone, Copy)]
pub struct FailureIf<F>(pub(super) F);

/// The closure names the outcome. Made by [`classify`](crate::CircuitBreakerLayer::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(super) F);

impl<Res, Err> Classify<Res, Err> for ErrIsFailure {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        failure_or_success(result.is_err())
    }
}

impl<Res, Err: MayReject<M>, M> Classify<Res, Err> for IgnoreRejections<M> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => Outcome::of_error(error),
        }
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Res, Err> for FailureIf<F> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        failure_or_success((self.0)(result))
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> Outcome> Classify<Res, Err> for ClassifyWith<F> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        (self.0)(result)
    }
}

const fn failure_or_success(failed: bool) -> Outcome {
    if failed {
        Outcome::Failure
    } else {
        Outcome::Success
    }
}

impl<F> fmt::Debug for FailureIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FailureIf({})", type_name::<F>())
    }
}

impl<F> fmt::Debug for ClassifyWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyWith({})", type_name::<F>())
    }
}
