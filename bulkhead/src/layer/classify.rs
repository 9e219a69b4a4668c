use std::{any::type_name, fmt};

use crate::types::Outcome;

/// Says of a call's result what it means for load. Implement it on a type of your own, or use
/// [`overload_if`](crate::BulkheadLayer::overload_if) or [`classify`](crate::BulkheadLayer::classify) with a closure.
pub trait Classify<Res, Err> {
    /// The meaning of `result`.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;
}

/// The default: no result says anything about load. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Ignore;

/// Results for which the closure says yes are overload, all others success. Made by
/// [`overload_if`](crate::BulkheadLayer::overload_if).
#[derive(Clone, Copy)]
pub struct OverloadIf<F>(pub(crate) F);

/// The closure names the outcome itself. Made by [`classify`](crate::BulkheadLayer::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(crate) F);

impl<Res, Err> Classify<Res, Err> for Ignore {
    fn classify(&self, _: &Result<Res, Err>) -> Outcome {
        Outcome::Ignored
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Res, Err> for OverloadIf<F> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        if (self.0)(result) {
            Outcome::Overload
        } else {
            Outcome::Success
        }
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> Outcome> Classify<Res, Err> for ClassifyWith<F> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        (self.0)(result)
    }
}

impl<F> fmt::Debug for OverloadIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OverloadIf({})", type_name::<F>())
    }
}

impl<F> fmt::Debug for ClassifyWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyWith({})", type_name::<F>())
    }
}
