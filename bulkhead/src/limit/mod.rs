//! How a limit follows from what calls report.

mod adaptive;
mod aimd;
mod fractional;
mod gradient;
mod regulate;
mod samples;
#[cfg(all(test, not(loom)))]
mod tests;

use std::time::Duration;

use crate::types::{InvalidConfig, InvalidConfigKind};
pub use adaptive::Adaptive;
pub use aimd::Aimd;
pub use gradient::Gradient2;
pub(crate) use regulate::Limited;
pub use regulate::{Fixed, Regulate};

/// In whole microseconds. `u64::MAX`, half a million years, stands for more.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Refuses a floor of 0, and a ceiling below the floor.
const fn check_range(min: usize, max: usize) -> Result<(), InvalidConfig> {
    if min == 0 || max < min {
        return Err(InvalidConfigKind::LimitRange { min, max }.unnamed());
    }
    Ok(())
}

/// A law: the next limit as a function of the last window. [`Aimd`], [`Gradient2`], or one of your own.
///
/// A bulkhead asks it once a window, in the call that closes the window. It keeps its own state. It needs no clock: a window has
/// a [`length`](Window::length).
///
/// No other call waits for a law: while it runs, the next window goes on. A panic in [`next`](Self::next) leaves the limit where
/// it is and reaches no call. A law must not call [`set_law`](crate::AdaptiveBulkhead::set_law) of the bulkhead that asks it: that
/// waits for the law.
///
/// # Examples
///
/// ```
/// use maestro_bulkhead::{Bulkhead, Limit, Window};
///
/// /// Halves the limit at an overload, and otherwise raises it by one.
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
#[doc(alias = "VegasLimit")]
pub trait Limit: Send + 'static {
    /// The limit that follows from `window`. The bulkhead raises an answer of 0 to 1.
    fn next(&mut self, window: &Window) -> usize;

    /// Checks the numbers of the law. [`build_adaptive`](crate::Builder::build_adaptive) calls it.
    ///
    /// # Errors
    ///
    /// The number that is not legal: `Err(InvalidConfigKind::Step.into())`.
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

/// The calls that ended in one window.
///
/// A call is in it if it was a success or an overload. Only successes have a latency here. A call that failed fast, was refused
/// or was dropped says nothing about a healthy service. With `until_body_end` a response that began well and met an overload
/// later is both, each when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    limit: usize,
    in_flight: usize,
    successes: u64,
    overloads: u64,
    latency: Option<Duration>,
    length: Duration,
}

impl Window {
    /// A window as the bulkhead makes it, for tests of a [`Limit`]. Without successes the latency is ignored.
    #[must_use]
    pub fn new(
        limit: usize,
        in_flight: usize,
        successes: u64,
        overloads: u64,
        latency: Duration,
        length: Duration,
    ) -> Self {
        Self {
            limit,
            in_flight,
            successes,
            overloads,
            latency: (successes > 0).then_some(latency),
            length,
        }
    }

    /// The current limit.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The most calls that were in flight at once, as observed by the calls that ended.
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

    /// The mean latency of the successful calls, in whole microseconds and at least one. `None` without successes.
    #[must_use]
    pub const fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// The time from the end of the window before to the end of this one. The first window begins when the bulkhead is built.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// The share of overloads among the calls of the window, from 0.0 to 1.0. It is 0.0 for a window without calls.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of counts; 2^53 calls do not fit into a window"
    )]
    pub fn overload_share(&self) -> f64 {
        let calls = self.successes.saturating_add(self.overloads);
        self.overloads as f64 / calls.max(1) as f64
    }

    /// Whether at least half of the limit was in use. A limit that no traffic reaches must not grow because nothing went
    /// wrong.
    #[must_use]
    pub const fn was_used(&self) -> bool {
        self.in_flight >= self.limit.div_ceil(2)
    }
}
