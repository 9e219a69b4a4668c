use std::{any::type_name, fmt};

use crate::types::Outcome;

/// Maps the result of a call to what it means for load. Implement it on your own type, or use
/// [`overload_if`](crate::BulkheadLayer::overload_if) or [`classify`](crate::BulkheadLayer::classify) with a closure.
pub trait Classify<Res, Err> {
    /// What `result` means for load.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;
}

/// The default: no result says anything about load. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Ignore;

/// A result is an overload if the closure returns true, and a success otherwise. Made by
/// [`overload_if`](crate::BulkheadLayer::overload_if).
#[derive(Clone, Copy)]
pub struct OverloadIf<F>(pub(super) F);

/// The closure returns the outcome. Made by [`classify`](crate::BulkheadLayer::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(super) F);

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
