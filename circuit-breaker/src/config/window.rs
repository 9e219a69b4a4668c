use std::time::Duration;

/// Which calls the ratios look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a window does nothing until it is given to `Builder::window`"]
pub struct Window(pub(crate) Span);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Time(Duration),
    Calls(u32),
}

impl Window {
    /// Those that ended within the last `length`.
    ///
    /// The window moves in sixteen steps: a call counts for at least fifteen sixteenths of `length` and
    /// never for more than `length` (rounded up to 16 ns). Cost and memory do not depend on the traffic.
    ///
    /// Each step counts a million calls exactly; of more, the share of failures stays right to one part in
    /// half a million.
    ///
    /// From 1 ns; more than 36 years are 36 years. A step can tell 2^24 windows apart (five years of one of
    /// 10 s): one that saw no call for exactly so long counts its old ones once more, and one that saw none
    /// for almost so long, all but the last 1,024 windows, counts none until then.
    pub const fn time(length: Duration) -> Self {
        Self(Span::Time(length))
    }

    /// The last `calls` that ended, however long ago: from 1 to 1,024. The oldest leaves when the next one
    /// comes. No more, because each takes room in every breaker: a rate of calls at which a thousand are too
    /// few is one at which a window of time does as well.
    ///
    /// A good call that ends while the window is full and holds nothing bad only reads. Any other costs two
    /// compare-and-swaps. No clock is read.
    pub const fn calls(calls: u32) -> Self {
        Self(Span::Calls(calls))
    }
}
