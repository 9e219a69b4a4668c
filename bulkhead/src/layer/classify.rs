use std::{any::type_name, fmt};

#[cfg(feature = "http-body")]
use crate::types::BodyEnd;
use crate::types::Outcome;

/// Maps the result of a call to what it means for load. Implement it on your own type, or use
/// [`overload_if`](crate::BulkheadLayer::overload_if) or [`classify`](crate::BulkheadLayer::classify) with a closure.
#[diagnostic::on_unimplemented(
    message = "the results of this service cannot be classified by `{Self}`",
    label = "does not classify `Result<{Res}, {Err}>`",
    note = "`.http()` and `.grpc()` need a service that answers with an `http::Response`, and this one answers with `{Res}`,",
    note = "a closure needs the type of the whole result: `|result: &Result<{Res}, {Err}>| ...`"
)]
pub trait Classify<Res, Err> {
    /// What `result` means for load.
    fn classify(&self, result: &Result<Res, Err>) -> Outcome;

    /// What the end of the response body means for load, if [`classify`](Self::classify) said that its head is a success.
    /// Feature `http-body`.
    ///
    /// Only a layer with [`until_body_end`](crate::BulkheadLayer::until_body_end) asks. The default follows the code of gRPC
    /// trailers, by the table in [`guide::meaning`](crate::guide::meaning). An end without a code is a success, except that of a
    /// gRPC response whose code was to come.
    #[cfg(feature = "http-body")]
    fn classify_end(&self, end: BodyEnd<'_>) -> Outcome {
        end.meaning().into()
    }
}

/// The default: an `Ok` is a success, and an `Err` says nothing about load. Zero-sized.
///
/// A fixed limit ignores both. An adaptive limit follows the latency of the successes ([`Gradient2`](crate::Gradient2)) and
/// hears of no overload ([`Aimd`](crate::Aimd) needs [`overload_if`](crate::BulkheadLayer::overload_if)).
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct OkIsSuccess;

/// A result is an overload if the closure returns true. Any other `Ok` is a success, and any other `Err` says nothing about load.
/// Made by [`overload_if`](crate::BulkheadLayer::overload_if).
#[derive(Clone, Copy)]
pub struct OverloadIf<F>(pub(super) F);

/// The closure returns the outcome. Made by [`classify`](crate::BulkheadLayer::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(super) F);

impl<Res, Err> Classify<Res, Err> for OkIsSuccess {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        success_if_ok(result)
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Res, Err> for OverloadIf<F> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        if (self.0)(result) {
            Outcome::Overload
        } else {
            success_if_ok(result)
        }
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> Outcome> Classify<Res, Err> for ClassifyWith<F> {
    fn classify(&self, result: &Result<Res, Err>) -> Outcome {
        (self.0)(result)
    }
}

/// An error that is no overload came too fast or too late to say what a healthy call takes: a refused connection in a
/// millisecond would be the best latency ever.
const fn success_if_ok<Res, Err>(result: &Result<Res, Err>) -> Outcome {
    if result.is_ok() {
        Outcome::Success
    } else {
        Outcome::Ignored
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
