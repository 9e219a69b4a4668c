use std::{any::type_name, fmt};

use crate::types::Outcome;

/// Classifies the result of a call. Implement it on your type, or use
/// [`failure_if`](crate::CircuitBreakerLayer::failure_if) or
/// [`classify`](crate::CircuitBreakerLayer::classify) with a closure.
pub trait Classify<Res, Err> {
    /// The outcome that `result` stands for.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;
}

/// The default: errors are failures, and nothing else is. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct ErrIsFailure;

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
