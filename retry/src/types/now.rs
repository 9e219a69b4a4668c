use std::cell::Cell;

use tokio::time::Instant;

/// The moment of a decision: the clock is read when it is first asked for, once, or not at all.
///
/// A call that needs no retry, with a policy that watches no time, never reads the clock (20 ns).
#[derive(Debug, Default)]
pub struct Now(Cell<Option<Instant>>);

impl Now {
    /// Not read yet.
    #[must_use]
    pub const fn unread() -> Self {
        Self(Cell::new(None))
    }

    /// The moment given, for those who have read the clock already, and for tests.
    #[must_use]
    pub const fn at(now: Instant) -> Self {
        Self(Cell::new(Some(now)))
    }

    /// The moment; always the same one.
    pub fn get(&self) -> Instant {
        self.0.get().unwrap_or_else(|| {
            let now = Instant::now();
            self.0.set(Some(now));
            now
        })
    }

    /// The moment, if anybody has asked.
    pub(crate) fn if_read(&self) -> Option<Instant> {
        self.0.get()
    }
}
