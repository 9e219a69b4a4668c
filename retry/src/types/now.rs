use std::cell::Cell;

use tokio::time::Instant;

/// The instant of a decision. The clock is read at most once, when the instant is first needed.
///
/// The budget, the age of the call and its limits share one reading. A call that needs no retry, under a policy
/// without time limits, does not read the clock (20 ns).
#[derive(Debug, Default)]
pub struct Now(Cell<Option<Instant>>);

impl Now {
    /// An instant that has not been read yet.
    #[must_use]
    pub const fn unread() -> Self {
        Self(Cell::new(None))
    }

    /// A given instant: for callers that have read the clock already, and for tests.
    #[must_use]
    pub const fn at(now: Instant) -> Self {
        Self(Cell::new(Some(now)))
    }

    /// The instant. Every call returns the same one.
    pub fn get(&self) -> Instant {
        self.0.get().unwrap_or_else(|| {
            let now = Instant::now();
            self.0.set(Some(now));
            now
        })
    }

    /// The instant, if it was read.
    pub(crate) fn if_read(&self) -> Option<Instant> {
        self.0.get()
    }
}
