use std::time::Duration;

use rand::{SeedableRng, rngs::SmallRng};

use crate::{Delays, Jitter};

/// How long to wait before each retry: a recipe for [`Delays`]. `Copy`, and usable in a `const`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maestro_retry::{Backoff, Jitter};
///
/// let backoff = Backoff::exponential(Duration::from_millis(50), Duration::from_millis(300));
/// let steps: Vec<_> = backoff.jitter(Jitter::None).delays().take(5).map(|d| d.as_millis()).collect();
/// assert_eq!(steps, [50, 100, 200, 300, 300]);
/// // With jitter, the default, each is anywhere up to that.
/// assert!(backoff.delays().take(5).all(|delay| delay <= Duration::from_millis(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a backoff does nothing until it is given to a policy or asked for its delays"]
pub struct Backoff {
    pub(crate) first: Duration,
    pub(crate) cap: Duration,
    pub(crate) growth: Growth,
    pub(crate) jitter: Jitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    Level,
    Doubling,
}

impl Backoff {
    /// Twice as long each time: `min(cap, base × 2^(n − 1))` before the `n`-th retry, spread by the jitter.
    ///
    /// No delay is ever above `cap`, jitter included; at the cap delays are still spread. Any two durations
    /// are legal, zero and `Duration::MAX` included; a `base` above the cap counts as the cap.
    pub const fn exponential(base: Duration, cap: Duration) -> Self {
        Self {
            first: base,
            cap,
            growth: Growth::Doubling,
            jitter: Jitter::Full,
        }
    }

    /// The same each time, spread by the jitter: anywhere up to `delay` unless [`Jitter::None`] is asked for.
    pub const fn constant(delay: Duration) -> Self {
        Self {
            first: delay,
            cap: delay,
            growth: Growth::Level,
            jitter: Jitter::Full,
        }
    }

    /// No delay at all. No timer is made then, and no runtime needed.
    ///
    /// For a service with several equal replicas behind it, and few attempts: nothing else slows the retries down.
    pub const fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// How the delays are spread. The default is [`Jitter::Full`].
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Whether every delay is zero.
    pub(crate) const fn is_none(&self) -> bool {
        self.cap.is_zero() || self.first.is_zero()
    }

    /// The delays of one request, with chance of their own.
    pub fn delays(&self) -> Delays {
        Delays::new(*self, rand::make_rng())
    }

    /// The delays of one request, the same for the same seed (and the same version of the `rand` crate).
    pub fn delays_seeded(&self, seed: u64) -> Delays {
        Delays::new(*self, SmallRng::seed_from_u64(seed))
    }
}
