use std::{any::type_name, fmt, time::Duration};

#[cfg(feature = "http-body")]
use crate::types::BodyEnd;
use crate::types::Event;

/// Decides what a call means for the objective. Implement it for your own type, or pass a closure to
/// [`bad_if`](crate::ErrorBudgetLayer::bad_if) or [`classify`](crate::ErrorBudgetLayer::classify).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not classify a `Result<{Res}, {Err}>`",
    label = "the service of this layer has another result than its classifier is for",
    note = "`.http()` and `.grpc()` are for services whose response is an `http::Response`: put the layer around such a service,",
    note = "or decide by a closure: `.bad_if(|result| ...)`, `.classify(|result| ...)`"
)]
pub trait Classify<Res, Err> {
    /// Whether `classify` uses the latency. If it is `false` the layer reads the clock once less, and the latency may
    /// be zero.
    const TIMED: bool = true;

    /// The meaning of `result`, which was ready `latency` after `call`.
    fn classify(&self, result: &Result<Res, Err>, latency: Duration) -> Event;

    /// The meaning of the end of the response body, if [`classify`](Self::classify) called its head good. Feature
    /// `http-body`.
    ///
    /// Only a layer with [`until_body_end`](crate::ErrorBudgetLayer::until_body_end) asks, and only about a body that
    /// did not fail. The default follows the code in gRPC trailers, by the table in
    /// [`guide::meaning`](crate::guide::meaning). An end without trailers is good, except that of a gRPC response whose
    /// code is missing, which is bad.
    #[cfg(feature = "http-body")]
    fn classify_end(&self, end: BodyEnd<'_>) -> Event {
        end.meaning().into()
    }
}

/// The default: an error is bad, a response good, whatever its status. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct ErrIsBad;

/// Results for which the closure returns true are bad, all others good. Made by
/// [`bad_if`](crate::ErrorBudgetLayer::bad_if).
#[derive(Clone, Copy)]
pub struct BadIf<F>(pub(super) F);

/// The closure returns the event. Made by [`classify`](crate::ErrorBudgetLayer::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(super) F);

/// The closure returns the event from the result and the latency. Made by
/// [`classify_timed`](crate::ErrorBudgetLayer::classify_timed).
#[derive(Clone, Copy)]
pub struct ClassifyTimed<F>(pub(super) F);

impl<Res, Err> Classify<Res, Err> for ErrIsBad {
    const TIMED: bool = false;

    fn classify(&self, result: &Result<Res, Err>, _: Duration) -> Event {
        bad_or_good(result.is_err())
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Res, Err> for BadIf<F> {
    const TIMED: bool = false;

    fn classify(&self, result: &Result<Res, Err>, _: Duration) -> Event {
        bad_or_good((self.0)(result))
    }
}

impl<Res, Err, F: Fn(&Result<Res, Err>) -> Event> Classify<Res, Err> for ClassifyWith<F> {
    const TIMED: bool = false;

    fn classify(&self, result: &Result<Res, Err>, _: Duration) -> Event {
        (self.0)(result)
    }
}

impl<Res, Err, F> Classify<Res, Err> for ClassifyTimed<F>
where
    F: Fn(&Result<Res, Err>, Duration) -> Event,
{
    fn classify(&self, result: &Result<Res, Err>, latency: Duration) -> Event {
        (self.0)(result, latency)
    }
}

const fn bad_or_good(bad: bool) -> Event {
    if bad { Event::Bad } else { Event::Good }
}

impl<F> fmt::Debug for BadIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BadIf({})", type_name::<F>())
    }
}

impl<F> fmt::Debug for ClassifyWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyWith({})", type_name::<F>())
    }
}

impl<F> fmt::Debug for ClassifyTimed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyTimed({})", type_name::<F>())
    }
}
