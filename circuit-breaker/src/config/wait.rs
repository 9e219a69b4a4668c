use std::time::Duration;

use crate::types::{Ratio, ticks::ticks};

/// How long an open breaker rejects calls before it admits probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a wait does nothing until it is given to `Builder::wait_in_open`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "form::Form", into = "form::Form")
)]
pub struct Wait {
    first: Duration,
    cap: Duration,
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
    pub const fn exponential(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            jitter: Jitter::None,
        }
    }

    /// Shortens each wait by a random part of this share of it, above 0.0 and up to 1.0, so that
    /// many processes that lost a backend together do not all come back at one instant. This holds
    /// at the cap too, which is never exceeded.
    ///
    /// [`Open::retry_at`](crate::Open::retry_at) has the wait that was drawn.
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
        if first == 0 || cap < first {
            return None;
        }
        Some(Waits {
            first,
            cap,
            jitter: match self.jitter {
                Jitter::None => None,
                Jitter::Share(share) => Some(share),
                Jitter::Invalid => return None,
            },
        })
    }
}

// === impl Waits ===

impl Waits {
    pub(crate) const fn first(self) -> u64 {
        self.first
    }

    /// The wait after this number of openings that the breaker remembers, before jitter shortens
    /// it.
    pub(crate) const fn without_jitter(self, openings: u32) -> u64 {
        if openings < self.first.leading_zeros() && self.first << openings < self.cap {
            self.first << openings
        } else {
            self.cap
        }
    }

    /// Whether no wait is longer than that after this number of openings.
    pub(crate) const fn is_longest(self, openings: u32) -> bool {
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

/// In a file: `"5s"`, `{ first: "1s", cap: "1m", jitter: 0.2 }`.
#[cfg(feature = "serde")]
mod form {
    use std::time::Duration;

    use super::{super::duration, Jitter, Wait};

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(
        untagged,
        expecting = "expected a duration such as \"5s\", or `first`, `cap` and `jitter`"
    )]
    pub(super) enum Form {
        Fixed(#[serde(with = "duration")] Duration),
        Steps(Steps),
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
            let (first, cap) = (wait.first, (wait.cap != wait.first).then_some(wait.cap));
            if jitter.is_none() && cap.is_none() {
                Self::Fixed(first)
            } else {
                Self::Steps(Steps { first, cap, jitter })
            }
        }
    }

    impl From<Form> for Wait {
        fn from(form: Form) -> Self {
            match form {
                Form::Fixed(wait) => Self::fixed(wait),
                Form::Steps(Steps { first, cap, jitter }) => {
                    let wait = Self::exponential(first, cap.unwrap_or(first));
                    jitter.map_or(wait, |share| wait.jitter(share))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, Wait};

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
            // In f64, so to within a rounding.
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let (jittered, whole) = (jittered as f64, whole as f64);
            prop_assert!(jittered >= (whole * (1.0 - share)).floor() - 1.0);
        }
    }
}
