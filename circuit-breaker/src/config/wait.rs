use std::time::Duration;

use super::multiplier::Multiplier;
use crate::types::{Ratio, ticks::ticks};

/// How long an open breaker rejects calls before it admits probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a wait does nothing until it is given to `Builder::wait_in_open`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(try_from = "form::Form", into = "form::Form")
)]
pub struct Wait {
    first: Duration,
    cap: Duration,
    /// `None` if it would not grow: refused when the breaker is built.
    multiplier: Option<Multiplier>,
    jitter: Jitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jitter {
    None,
    Share(Ratio),
    /// Not a share: refused when the breaker is built.
    Invalid,
}

/// A [`Wait`] in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    pub(super) first: u64,
    pub(super) cap: u64,
    pub(super) multiplier: Multiplier,
    pub(super) jitter: Option<Ratio>,
}

// === impl Wait ===

impl Wait {
    /// The same every time. The end is inclusive: a call at that very instant is admitted.
    ///
    /// From 1 ns; more than 36 years are 36 years.
    pub const fn fixed(wait: Duration) -> Self {
        Self::exponential(wait, wait)
    }

    /// `first`, and twice as long with each opening that the breaker remembers, up to `cap`: each
    /// time that the probes open it again, and when it opens again soon after it has closed. The
    /// end is inclusive.
    ///
    /// A closed breaker forgets one opening each time that it has been closed for as long as the
    /// next wait, and for no less than its [window of time](crate::Window::time), or 10 s where it
    /// has none. The time on a [`Ramp`](crate::Ramp) does not count. A reset and an override
    /// forget all.
    ///
    /// With `exponential(5s, 30s)`, a breaker that opens a second time within 10 s of closing waits
    /// 10 s, then 20 s and 30 s. At 30 s, it forgets all openings in 30 + 20 + 10 s of closed time.
    ///
    /// From 1 ns; more than 36 years are 36 years; `cap` is not below `first`.
    #[doc(alias("waitIntervalFunctionInOpenState", "BreakDurationGenerator"))]
    pub const fn exponential(first: Duration, cap: Duration) -> Self {
        Self::exponential_by(2.0, first, cap)
    }

    /// As [`exponential`](Self::exponential), but `multiplier` times as long each time: above 1.0
    /// and up to 1,000, with six decimals.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_circuit_breaker::{CircuitBreaker, Probes, Wait};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secs = Duration::from_secs;
    /// let breaker = CircuitBreaker::builder()
    ///     .consecutive_failures(1)
    ///     .wait_in_open(Wait::exponential_by(1.5, secs(4), secs(10)))
    ///     .probes(Probes::one())
    ///     .build("geo")?;
    /// for wait in [4, 6, 9, 10, 10] {
    ///     breaker.try_acquire()?.failure();
    ///     assert_eq!(breaker.snapshot().retry_after(), Some(secs(wait)));
    ///     tokio::time::advance(secs(wait)).await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub const fn exponential_by(multiplier: f64, first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            multiplier: Multiplier::new(multiplier),
            jitter: Jitter::None,
        }
    }

    /// Shortens each wait by a random part of this share of it, above 0.0 and up to 1.0, so that
    /// many processes that lost a backend together do not all come back at one instant. This holds
    /// at the cap too, which is never exceeded.
    ///
    /// [`Open::retry_at`](crate::Open::retry_at) has the wait that was drawn.
    #[doc(alias("equal_jittered", "full_jittered"))]
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = match Ratio::new(share) {
            Some(share) => Jitter::Share(share),
            None => Jitter::Invalid,
        };
        self
    }

    /// `None` if it could never work.
    pub(super) const fn waits(self) -> Option<Waits> {
        let (first, cap) = (ticks(self.first), ticks(self.cap));
        let Some(multiplier) = self.multiplier else {
            return None;
        };
        if first == 0 || cap < first {
            return None;
        }
        Some(Waits {
            first,
            cap,
            multiplier,
            jitter: match self.jitter {
                Jitter::None => None,
                Jitter::Share(share) => Some(share),
                Jitter::Invalid => return None,
            },
        })
    }
}

impl From<Duration> for Wait {
    /// [`Wait::fixed`].
    fn from(wait: Duration) -> Self {
        Self::fixed(wait)
    }
}

// === impl Waits ===

impl Waits {
    pub(crate) const fn first(self) -> u64 {
        self.first
    }

    /// The wait after this number of openings that the breaker remembers, before jitter shortens
    /// it.
    pub(super) fn without_jitter(self, openings: u32) -> u64 {
        match openings {
            0 => self.first,
            _ => self.multiplier.power_of(openings, self.first),
        }
        .min(self.cap)
    }

    /// Whether no wait is longer than that after this number of openings.
    pub(crate) fn is_longest(self, openings: u32) -> bool {
        self.without_jitter(openings) == self.cap
    }

    /// The wait after this number of openings that the breaker remembers. `random` is any number.
    pub(crate) fn after(self, openings: u32, random: impl FnOnce() -> u64) -> u64 {
        let wait = self.without_jitter(openings);
        match self.jitter {
            None => wait,
            // One nanosecond at least: an open breaker has been open.
            Some(share) => (wait - share.part_of(wait, random())).max(1),
        }
    }
}

/// In a file: `"5s"`, `{ first: "1s", cap: "1m", multiplier: 1.5, jitter: 0.2 }`.
#[cfg(feature = "serde")]
mod form {
    use std::time::Duration;

    use super::{super::duration, Jitter, Multiplier, Wait};

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(
        untagged,
        expecting = "expected a duration such as \"5s\", or `first`, `cap`, `multiplier` and `jitter`"
    )]
    pub(super) enum Form {
        Fixed(#[serde(with = "duration")] Duration),
        Steps(#[serde(deserialize_with = "super::super::from_table")] Steps),
    }

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Steps {
        #[serde(with = "duration")]
        first: Duration,
        #[serde(
            default,
            with = "duration::option",
            skip_serializing_if = "Option::is_none"
        )]
        cap: Option<Duration>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        multiplier: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jitter: Option<f64>,
    }

    impl From<Wait> for Form {
        fn from(wait: Wait) -> Self {
            let jitter = match wait.jitter {
                Jitter::None => None,
                Jitter::Share(share) => Some(share.as_f64()),
                // Not a share either: refused when it is read.
                Jitter::Invalid => Some(0.0),
            };
            let multiplier = match wait.multiplier {
                usual if usual == Multiplier::new(2.0) => None,
                Some(other) => Some(other.as_f64()),
                // Not one either: refused when it is read.
                None => Some(0.0),
            };
            let is_level = wait.cap == wait.first && multiplier.is_none();
            let (first, cap) = (wait.first, (!is_level).then_some(wait.cap));
            if jitter.is_none() && is_level {
                Self::Fixed(first)
            } else {
                Self::Steps(Steps {
                    first,
                    cap,
                    multiplier,
                    jitter,
                })
            }
        }
    }

    impl TryFrom<Form> for Wait {
        type Error = &'static str;

        fn try_from(form: Form) -> Result<Self, Self::Error> {
            let Steps {
                first,
                cap,
                multiplier,
                jitter,
            } = match form {
                Form::Fixed(wait) => return Ok(Self::fixed(wait)),
                Form::Steps(steps) => steps,
            };
            let wait = match (multiplier, cap) {
                (None, cap) => Self::exponential(first, cap.unwrap_or(first)),
                (Some(multiplier), Some(cap)) => Self::exponential_by(multiplier, first, cap),
                (Some(_), None) => return Err("a wait with a `multiplier` needs a `cap`"),
            };
            Ok(jitter.map_or(wait, |share| wait.jitter(share)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, Wait};

    /// In f64, so to within a rounding.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    fn float(ticks: u64) -> f64 {
        ticks as f64
    }

    proptest! {
        #[test]
        fn waits_double_up_to_their_cap(
            first in 1_u64..1_000_000_000,
            factor in 1_u64..1_000,
            share in 0.000_000_001_f64..=1.0,
            openings in prop_oneof![0_u32..40, Just(u32::MAX)],
            random in any::<u64>(),
        ) {
            let cap = first * factor;
            let nanos = Duration::from_nanos;
            let wait = Wait::exponential(nanos(first), nanos(cap));
            let whole = wait.waits().unwrap().after(openings, || unreachable!("no jitter"));
            prop_assert_eq!(u128::from(whole), (u128::from(first) << openings.min(64)).min(cap.into()));
            let jittered = wait.jitter(share).waits().unwrap().after(openings, || random);
            prop_assert!(1 <= jittered && jittered <= whole);
            let (jittered, whole) = (float(jittered), float(whole));
            prop_assert!(jittered >= (whole * (1.0 - share)).floor() - 1.0);
        }

        #[test]
        fn waits_grow_by_their_multiplier_up_to_their_cap(
            millionths in prop_oneof![1_000_001_u32..=1_000_000_000, 1_000_001_u32..=3_000_000],
            first in 1_u64..1_000_000_000,
            factor in prop_oneof![Just(1), 1_u64..1_000, Just(1 << 30)],
        ) {
            let (cap, multiplier) = (first * factor, f64::from(millionths) / 1e6);
            let nanos = Duration::from_nanos;
            let waits = Wait::exponential_by(multiplier, nanos(first), nanos(cap)).waits().unwrap();
            prop_assert_eq!(waits.multiplier.bits(), millionths);
            let after = |openings| waits.after(openings, || unreachable!("no jitter"));
            prop_assert_eq!(after(0), first);
            // Step by step, where the breaker multiplies at once.
            let mut naive = float(first);
            for openings in 1..200 {
                naive = (naive * multiplier).min(float(cap));
                let wait = float(after(openings));
                prop_assert!((wait - naive).abs() <= 1.0 + naive * 1e-12, "{wait} and not {naive}");
                prop_assert!(after(openings) >= after(openings - 1));
            }
            let last = [1 << 20, u32::MAX].map(after);
            prop_assert!(last[0] <= last[1] && last[1] == cap);
        }
    }

    #[test]
    fn a_wait_that_would_not_grow_is_none() {
        let second = Duration::from_secs(1);
        for multiplier in [
            0.0,
            0.5,
            1.0,
            1.000_000_1,
            1_000.1,
            -2.0,
            f64::NAN,
            f64::INFINITY,
        ] {
            let wait = Wait::exponential_by(multiplier, second, second * 9);
            assert!(wait.waits().is_none(), "{multiplier}");
        }
        for multiplier in [1.000_001, 1.5, 1_000.0] {
            let wait = Wait::exponential_by(multiplier, second, second * 9);
            assert!(wait.waits().is_some(), "{multiplier}");
        }
    }
}
