use std::{any::type_name, fmt, time::Duration};

/// How a call ended, as the circuit breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The backend did its work; that includes telling a client that its request was wrong.
    Success,
    /// The backend did not do its work.
    Failure,
    /// A failure, and the backend says for how long it wants to be left alone (a `Retry-After`): if this is
    /// the call that opens the circuit, it stays open at least so long. What any probe of a half-open circuit
    /// says so holds, if they open it again.
    FailureFor(Duration),
    /// Nothing about the backend: a rejection by a layer further in.
    Ignored,
}

/// Says of a call's result what it means. Implement it on a type of your own, or use
/// [`failure_if`](crate::CircuitBreakerLayer::failure_if) or [`classify`](crate::CircuitBreakerLayer::classify) with a closure.
pub trait Classify<Res, Err> {
    /// The meaning of `result`.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;
}

/// The default: errors are failures, and nothing else is. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct ErrIsFailure;

/// Results for which the closure says yes are failures, all others successes. Made by
/// [`failure_if`](crate::CircuitBreakerLayer::failure_if).
#[derive(Clone, Copy)]
pub struct FailureIf<F>(pub(crate) F);

/// The closure names the outcome itself. Made by [`classify`](crate::CircuitBreakerLayer::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(crate) F);

impl<Res, Err> Classify<Res, Err> for ErrIsFailure {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        failure_or_success(result.is_err())
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
