mod adaptive;
mod aimd;
mod gradient;
mod regulate;
pub(crate) mod samples;

use std::time::Duration;

use crate::InvalidConfig;

pub use adaptive::{Adaptive, AdaptiveBulkhead};
pub use aimd::Aimd;
pub use gradient::Gradient2;
pub use regulate::{Fixed, Regulate};

/// How a limit follows from what was seen: pure, and asked once a window. [`Aimd`](crate::Aimd),
/// [`Gradient2`](crate::Gradient2), or one of your own.
///
/// # Examples
///
/// ```
/// use maestro_bulkhead::{Bulkhead, Limit, Window};
///
/// /// Halves at a sign of overload, and otherwise goes up by one.
/// struct Halving;
///
/// impl Limit for Halving {
///     fn next(&mut self, window: &Window) -> usize {
///         if window.overloads() > 0 { window.limit() / 2 } else { window.limit() + 1 }
///     }
/// }
///
/// let pool = Bulkhead::builder().limit(8).build_adaptive("halving", Halving)?;
/// # let _ = pool;
/// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
/// ```
pub trait Limit: Send + 'static {
    /// The limit that follows from `window`. Whatever it answers, the bulkhead makes at least 1 of it.
    fn next(&mut self, window: &Window) -> usize;

    /// Whether its numbers make sense. Asked by [`build_adaptive`](crate::Builder::build_adaptive).
    ///
    /// # Errors
    ///
    /// The reason why not.
    fn check(&self) -> Result<(), InvalidConfig> {
        Ok(())
    }
}

impl<L: Limit + ?Sized> Limit for Box<L> {
    fn next(&mut self, window: &Window) -> usize {
        (**self).next(window)
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        (**self).check()
    }
}

/// What was seen of the calls that ended in one window.
///
/// Only calls that succeeded have a latency here: one that failed fast, was refused, or was dropped
/// is no sign of a healthy service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub(crate) limit: usize,
    pub(crate) in_flight: usize,
    pub(crate) successes: u64,
    pub(crate) overloads: u64,
    pub(crate) latency: Option<Duration>,
}

impl Window {
    /// A window as the bulkhead would make it, for testing a [`Limit`]. Without successes the latency is not looked at.
    #[must_use]
    pub fn new(
        limit: usize,
        in_flight: usize,
        successes: u64,
        overloads: u64,
        latency: Duration,
    ) -> Self {
        Self {
            limit,
            in_flight,
            successes,
            overloads,
            latency: (successes > 0).then_some(latency),
        }
    }

    /// The limit that is in force.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The most calls that were in flight at once, as seen by those that ended.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many calls succeeded.
    #[must_use]
    pub const fn successes(&self) -> u64 {
        self.successes
    }

    /// How many calls met an overload.
    #[must_use]
    pub const fn overloads(&self) -> u64 {
        self.overloads
    }

    /// The mean latency of the calls that succeeded, in whole microseconds and at least one; `None` when none did.
    #[must_use]
    pub const fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Whether the limit was of any consequence: at least half of it was in use. A limit that nobody comes
    /// near must not grow on the evidence that nothing went wrong.
    #[must_use]
    pub const fn was_used(&self) -> bool {
        self.in_flight >= self.limit.div_ceil(2)
    }
}
