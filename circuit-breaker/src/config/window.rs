use std::time::Duration;

use crate::{
    types::ticks::ticks,
    window::{Grid, LastCalls, MAX_CALLS, Shape},
};

/// The calls that the ratios and the failure count look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a window does nothing until it is given to `Builder::window`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(try_from = "form::Form", into = "form::Form")
)]
pub struct Window(Span);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Time(Duration),
    Calls(u32),
}

/// Below it one or two failures would be half of the calls.
const DEFAULT_MINIMUM: u32 = 20;
/// Below half of what a bucket counts exactly: a full bucket that was halved still holds as many
/// calls.
const MAX_MINIMUM: u32 = 500_000;

impl Window {
    /// The calls that ended within the last `length`.
    ///
    /// The window moves in sixteen steps: a call counts for at least fifteen sixteenths of `length`
    /// and never for more than `length` (rounded up to 16 ns). Cost and memory do not depend on the
    /// traffic.
    ///
    /// Each step counts a million calls exactly. Beyond that, the share of failures stays right to
    /// one part in half a million.
    ///
    /// From 1 ns; more than 36 years are 36 years. A step distinguishes 2^24 windows (five years of
    /// one of 10 s). A step without a call for exactly that time counts its old calls once more;
    /// one without a call for almost that time, all but the last 1,024 windows, counts none until
    /// then.
    pub const fn time(length: Duration) -> Self {
        Self(Span::Time(length))
    }

    /// The last `calls` that ended, however long ago: from 1 to 1,024. The oldest leaves when the
    /// next one comes. Each takes room in every breaker; at a rate of calls that needs more than a
    /// thousand, a window of time does as well.
    ///
    /// A success that ends while the window is full and holds no bad call only reads. Any other
    /// call costs two compare-and-swaps. No clock is read.
    pub const fn calls(calls: u32) -> Self {
        Self(Span::Calls(calls))
    }

    /// The shape, and the most calls that it is sure to hold; `None` if it can hold none.
    pub(super) const fn shape(self) -> Option<(Shape, u32)> {
        match self.0 {
            Span::Time(length) if length.is_zero() => None,
            Span::Time(length) => Some((Shape::Time(Grid::new(ticks(length))), MAX_MINIMUM)),
            Span::Calls(calls) if calls == 0 || calls > MAX_CALLS => None,
            Span::Calls(calls) => Some((Shape::Calls(LastCalls::new(calls)), calls)),
        }
    }
}

impl From<Duration> for Window {
    /// [`Window::time`].
    fn from(length: Duration) -> Self {
        Self::time(length)
    }
}

impl From<u32> for Window {
    /// [`Window::calls`].
    fn from(calls: u32) -> Self {
        Self::calls(calls)
    }
}

/// The calls from which on a ratio counts, of `most` that the window is sure to hold. `Err` with the
/// number if they are none, or more than the window holds.
pub(super) const fn minimum(calls: Option<u32>, most: u32) -> Result<u32, u32> {
    match calls {
        Some(calls) if calls == 0 || calls > most => Err(calls),
        Some(calls) => Ok(calls),
        None if most < DEFAULT_MINIMUM => Ok(most),
        None => Ok(DEFAULT_MINIMUM),
    }
}

/// In a file: `"10s"`, `"100 calls"`, `100`.
#[cfg(feature = "serde")]
mod form {
    use super::{super::duration, Span, Window};

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(
        untagged,
        expecting = "expected a duration such as \"10s\", or calls such as \"100 calls\" or 100"
    )]
    pub(super) enum Form {
        Text(String),
        Calls(u32),
    }

    impl From<Window> for Form {
        fn from(window: Window) -> Self {
            // As text, so that the unit stands beside the number.
            Self::Text(match window.0 {
                Span::Time(length) => duration::written(length),
                Span::Calls(1) => "1 call".to_owned(),
                Span::Calls(calls) => format!("{calls} calls"),
            })
        }
    }

    impl TryFrom<Form> for Window {
        type Error = String;

        fn try_from(form: Form) -> Result<Self, String> {
            let text = match form {
                Form::Calls(calls) => return Ok(Self::calls(calls)),
                Form::Text(text) => text,
            };
            let window = match text.trim_end().trim_end_matches('s').strip_suffix("call") {
                Some(calls) => calls.trim().parse().ok().map(Self::calls),
                None => duration::parse(&text).map(Self::time),
            };
            window.ok_or_else(|| {
                format!("`{text}` is no window: expected a duration such as \"10s\", or calls such as \"100 calls\" or 100")
            })
        }
    }
}
