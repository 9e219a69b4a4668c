//! The wait before each retry.
//!
//! - [`Backoff`] is the recipe: growth, cap and jitter.
//! - [`Delays`] are the waits of one request; `Draws` is the part of them that changes.
//! - `Seeds` gives each request a random generator.

mod delays;
#[cfg(feature = "serde")]
mod file;
mod jitter;
mod packed;
mod seeds;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

use std::{fmt, ptr, time::Duration};

use rand::{SeedableRng, rngs::SmallRng};

use crate::types::InvalidConfigKind;

pub use self::{delays::Delays, jitter::Jitter};
pub(crate) use self::{
    delays::Draws,
    packed::{Customs, WORDS},
    seeds::Seeds,
};

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
/// // With jitter, the default, each delay is anywhere up to that.
/// assert!(backoff.delays().take(5).all(|delay| delay <= Duration::from_millis(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(from = "file::Steps", into = "file::Steps"))]
#[must_use = "a backoff does nothing until a policy uses it or its delays are drawn"]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    /// The growth, unless `custom` gives the delays.
    growth: Growth,
    custom: Option<Custom>,
    jitter: Jitter,
}

/// How the delay before jitter changes from one retry to the next: not at all, by adding the first delay, or by a
/// multiplier, in twentieths.
///
/// One byte, and so in steps, for the packed form of a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Growth(u8);

/// A plain function and not a type parameter, which would run through policy and future. Nor a box, which would end
/// `Copy`, and with it `const` and the builder as a value. A table in a `const` covers the usual need.
#[derive(Clone, Copy, Debug)]
struct Custom(fn(u32) -> Duration);

impl Backoff {
    /// Doubles each time: `min(cap, base × 2^(n − 1))` before the `n`-th retry, spread by the jitter.
    ///
    /// No delay is above `cap`, jitter included, and at the cap delays are still spread. Any two durations are
    /// legal, zero and `Duration::MAX` included. A `base` above the cap counts as the cap, and a policy refuses it.
    #[doc(alias("ExponentialBackoff", "initialBackoff", "maxBackoff"))]
    pub const fn exponential(base: Duration, cap: Duration) -> Self {
        Self::of(base, cap, Growth::DOUBLING)
    }

    /// Grows by `multiplier` each time: `min(cap, base × multiplier^(n − 1))` before the `n`-th retry, spread by the
    /// jitter.
    ///
    /// The multiplier is from 1.05 to 12.75, in steps of 0.05: another one counts as the nearest of these. The cap
    /// holds as for [`exponential`](Self::exponential).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_retry::{Backoff, Jitter};
    ///
    /// let backoff = Backoff::exponential_by(1.5, Duration::from_millis(40), Duration::from_millis(120));
    /// let steps: Vec<_> = backoff.jitter(Jitter::None).delays().take(5).map(|d| d.as_millis()).collect();
    /// assert_eq!(steps, [40, 60, 90, 120, 120]);
    /// ```
    #[doc(alias("backoffMultiplier"))]
    pub const fn exponential_by(multiplier: f64, base: Duration, cap: Duration) -> Self {
        Self::of(base, cap, Growth::by(multiplier))
    }

    /// Grows by the same amount each time: `min(cap, step × n)` before the `n`-th retry, spread by the jitter.
    ///
    /// The cap holds as for [`exponential`](Self::exponential).
    pub const fn linear(step: Duration, cap: Duration) -> Self {
        Self::of(step, cap, Growth::ADDING)
    }

    /// The same each time, spread by the jitter. With the default jitter a delay is anywhere up to `delay`.
    #[doc(alias("waitDuration", "fixed_backoff"))]
    pub const fn constant(delay: Duration) -> Self {
        Self::of(delay, delay, Growth::LEVEL)
    }

    /// `min(cap, f(n))` before the `n`-th retry, spread by the jitter.
    ///
    /// `n` counts from 1 without end. `f` is a plain function, so that the recipe stays a `Copy` value.
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
    #[doc(alias("DelayGenerator", "intervalFunction"))]
    pub const fn custom(f: fn(u32) -> Duration, cap: Duration) -> Self {
        let mut backoff = Self::of(Duration::ZERO, cap, Growth::LEVEL);
        backoff.custom = Some(Custom(f));
        backoff
    }

    /// No delay. The policy then creates no timer and needs no runtime.
    ///
    /// It suits few attempts on a service with several equal replicas, because nothing else slows the retries
    /// down. A server's hint is kept, but there is no jitter to spread it.
    pub const fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// Sets how the delays are spread. The default is [`Jitter::Full`].
    #[doc(alias("UseJitter", "randomizedWaitFactor", "ofExponentialRandomBackoff"))]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The delays of one request, from a new random generator.
    pub fn delays(&self) -> Delays {
        Delays::new(*self, rand::make_rng())
    }

    /// The delays of one request, the same for the same seed and the same version of the `rand` crate.
    pub fn delays_seeded(&self, seed: u64) -> Delays {
        Delays::new(*self, SmallRng::seed_from_u64(seed))
    }

    /// Refuses a first delay above the cap. `field` is the method of the builder that it was given to.
    pub(crate) fn check(&self, field: &'static str) -> Result<(), InvalidConfigKind> {
        let (base, cap) = (self.first, self.cap);
        if base > cap {
            return Err(InvalidConfigKind::Backoff { field, base, cap });
        }
        Ok(())
    }

    const fn of(first: Duration, cap: Duration, growth: Growth) -> Self {
        Self {
            first,
            cap,
            growth,
            custom: None,
            jitter: Jitter::Full,
        }
    }

    /// The bounds of the wait before the `retry`-th retry, if the wait before it was `last`.
    fn range(&self, retry: u32, last: Option<Duration>) -> (Duration, Duration) {
        let delay = self.delay(retry);
        let first = match self.custom {
            Some(_) if retry == 1 => delay,
            Some(Custom(f)) if self.jitter == Jitter::Decorrelated => f(1).min(self.cap),
            _ => self.first.min(self.cap),
        };
        self.jitter.range(delay, self.cap, first, last)
    }

    /// The delay before the `retry`-th retry, without jitter.
    fn delay(&self, retry: u32) -> Duration {
        let delay = match (self.custom, self.growth) {
            (Some(Custom(f)), _) => f(retry),
            (None, Growth::LEVEL) => self.first,
            (None, Growth::ADDING) => self.first.saturating_mul(retry),
            (None, Growth::DOUBLING) => doubled(self.first, retry - 1),
            (None, growth) => growth.multiplied(self.first, retry - 1),
        };
        delay.min(self.cap)
    }
}

// === impl Growth ===

impl Growth {
    const LEVEL: Self = Self(0);
    const ADDING: Self = Self(1);
    const DOUBLING: Self = Self::by(2.0);
    /// The smallest multiplier; the largest is 255 twentieths.
    const LEAST: u8 = 21;

    /// The nearest multiplier.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, as documented"
    )]
    const fn by(multiplier: f64) -> Self {
        let twentieths = (multiplier * 20.0 + 0.5) as u8;
        // Not a number becomes zero, and so the least.
        if twentieths < Self::LEAST {
            Self(Self::LEAST)
        } else {
            Self(twentieths)
        }
    }

    /// `None` where it adds, or stays.
    fn multiplier(self) -> Option<f64> {
        (self.0 >= Self::LEAST).then(|| f64::from(self.0) / 20.0)
    }

    /// `delay`, multiplied `times` times. In f64: to one part in 10^13.
    fn multiplied(self, delay: Duration, times: u32) -> Duration {
        // Zero times an infinite factor would not be a number.
        if times == 0 || delay.is_zero() {
            return delay;
        }
        let times = i32::try_from(times).unwrap_or(i32::MAX);
        let factor = self.multiplier().unwrap_or(1.0).powi(times);
        Duration::try_from_secs_f64(delay.as_secs_f64() * factor).unwrap_or(Duration::MAX)
    }
}

impl fmt::Debug for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.multiplier()) {
            (Self::LEVEL, _) => f.write_str("Level"),
            (_, None) => f.write_str("Adding"),
            (_, Some(multiplier)) => write!(f, "Times({multiplier})"),
        }
    }
}

fn doubled(mut delay: Duration, mut times: u32) -> Duration {
    // `Duration::MAX` is below 2^94 ns, so more doublings change nothing. The loop runs at most four times.
    times = times.min(94);
    while times > 0 {
        let step = times.min(31);
        delay = delay.saturating_mul(1 << step);
        times -= step;
    }
    delay
}

// === impl Custom ===

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        // By address: a function that was compiled twice may count as two.
        ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Custom {}
