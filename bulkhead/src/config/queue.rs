use std::time::Duration;

use crate::state::Line;

/// How calls wait for a place: how many at most, how long at most, in which order. `Copy`, and usable in a
/// `const`. Given to [`BulkheadLayer::queue`](crate::BulkheadLayer::queue).
///
/// Both bounds have to be said: a queue without them only moves the overload from the dependency into this
/// process. A good one is as short as the callers' patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a queue does nothing until it is given to `BulkheadLayer::queue`"]
pub struct Queue {
    pub(crate) length: usize,
    pub(crate) max_wait: Duration,
    pub(crate) reserve: Duration,
    pub(crate) newest_first: bool,
}

impl Queue {
    /// At most `length` calls wait, each at most `max_wait`.
    ///
    /// The length is that of the bulkhead's one line: callers of all its layers, and of
    /// [`acquire`](crate::Bulkhead::acquire), stand in it. With 0 nobody waits. The wait is counted from
    /// the call, and covers the readiness of the inner service too (that alone, where there was a place at once, from the
    /// first poll that finds it not ready). With [`Duration::ZERO`] nobody waits
    /// either; with [`Duration::MAX`] only a deadline bounds the wait.
    pub const fn new(length: usize, max_wait: Duration) -> Self {
        Self {
            length,
            max_wait,
            reserve: Duration::ZERO,
            newest_first: false,
        }
    }

    /// Whoever came last goes first. The default is first come, first served.
    ///
    /// For overload: when the line is long, those at its head have callers that are about to give up, and
    /// serving them first makes every call late. So the newest are served in time, and the oldest run out
    /// of [`max_wait`](Self::new). A full line still turns newcomers away.
    pub const fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// The time that the call itself needs: one whose [`deadline`](crate::QueueLayer::deadline) is nearer than that is not begun.
    /// The default is zero.
    pub const fn reserve(mut self, time: Duration) -> Self {
        self.reserve = time;
        self
    }

    pub(crate) const fn line(self) -> Line {
        Line {
            length: self.length,
            newest_first: self.newest_first,
        }
    }
}
