pub(crate) mod delays;
mod jitter;
pub(crate) mod seeds;

pub use self::{delays::Delays, jitter::Jitter};

use std::{ptr, time::Duration};

use rand::{SeedableRng, rngs::SmallRng};

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

#[derive(Clone, Copy, Debug)]
pub(crate) enum Growth {
    Level,
    Adding,
    Doubling,
    Custom(fn(u32) -> Duration),
}

impl Backoff {
    /// Twice as long each time: `min(cap, base × 2^(n − 1))` before the `n`-th retry, spread by the jitter.
    ///
    /// No delay is ever above `cap`, jitter included; at the cap delays are still spread. Any two durations
    /// are legal, zero and `Duration::MAX` included; a `base` above the cap counts as the cap.
    pub const fn exponential(base: Duration, cap: Duration) -> Self {
        Self::of(base, cap, Growth::Doubling)
    }

    /// Longer by the same amount each time: `min(cap, step × n)` before the `n`-th retry, spread by the
    /// jitter. What [`exponential`](Self::exponential) says of the cap holds here too.
    pub const fn linear(step: Duration, cap: Duration) -> Self {
        Self::of(step, cap, Growth::Adding)
    }

    /// The same each time, spread by the jitter: anywhere up to `delay` unless another jitter is asked for.
    pub const fn constant(delay: Duration) -> Self {
        Self::of(delay, delay, Growth::Level)
    }

    /// What `f` says before the `n`-th retry, `n` from 1 and for ever growing, but no more than `cap`;
    /// spread by the jitter. A plain function, so that the recipe stays a value that can be copied.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_retry::{Backoff, Jitter};
    ///
    /// const TABLE: [u64; 3] = [10, 200, 1_000];
    /// let backoff = Backoff::custom(
    ///     |n| Duration::from_millis(TABLE[TABLE.len().min(n as usize) - 1]),
    ///     Duration::from_millis(800),
    /// );
    /// let steps: Vec<_> = backoff.jitter(Jitter::None).delays().take(4).map(|d| d.as_millis()).collect();
    /// assert_eq!(steps, [10, 200, 800, 800]);
    /// ```
    pub const fn custom(f: fn(u32) -> Duration, cap: Duration) -> Self {
        Self::of(Duration::ZERO, cap, Growth::Custom(f))
    }

    /// No delay at all. No timer is made then, and no runtime needed.
    ///
    /// For a service with several equal replicas behind it, and few attempts: nothing else slows the retries down.
    /// A server's hint is kept, but has nothing to spread it.
    pub const fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// How the delays are spread. The default is [`Jitter::Full`].
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The delays of one request, with chance of their own.
    pub fn delays(&self) -> Delays {
        Delays::new(*self, rand::make_rng())
    }

    /// The delays of one request, the same for the same seed (and the same version of the `rand` crate).
    pub fn delays_seeded(&self, seed: u64) -> Delays {
        Delays::new(*self, SmallRng::seed_from_u64(seed))
    }

    const fn of(first: Duration, cap: Duration, growth: Growth) -> Self {
        Self {
            first,
            cap,
            growth,
            jitter: Jitter::Full,
        }
    }

    /// Between what the wait before the `retry`-th retry lies, when the one before was `last`.
    pub(crate) fn range(&self, retry: u32, last: Option<Duration>) -> (Duration, Duration) {
        let delay = self.delay(retry);
        let first = match self.growth {
            Growth::Custom(_) if retry == 1 => delay,
            Growth::Custom(f) if self.jitter == Jitter::Decorrelated => f(1).min(self.cap),
            _ => self.first.min(self.cap),
        };
        self.jitter.range(delay, self.cap, first, last)
    }

    /// The delay before the `retry`-th retry, without jitter.
    fn delay(&self, retry: u32) -> Duration {
        let delay = match self.growth {
            Growth::Level => self.first,
            Growth::Adding => self.first.saturating_mul(retry),
            Growth::Doubling => doubled(self.first, retry - 1),
            Growth::Custom(f) => f(retry),
        };
        delay.min(self.cap)
    }
}

fn doubled(mut delay: Duration, mut times: u32) -> Duration {
    // `Duration::MAX` is below 2^94 ns: nothing grows any more after that, and at most four turns.
    times = times.min(94);
    while times > 0 {
        let step = times.min(31);
        delay = delay.saturating_mul(1 << step);
        times -= step;
    }
    delay
}

// === impl Growth ===

impl PartialEq for Growth {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Level, Self::Level)
            | (Self::Adding, Self::Adding)
            | (Self::Doubling, Self::Doubling) => true,
            // By address: the same function, compiled twice, may count as two.
            (Self::Custom(a), Self::Custom(b)) => ptr::fn_addr_eq(*a, *b),
            _ => false,
        }
    }
}

impl Eq for Growth {}
