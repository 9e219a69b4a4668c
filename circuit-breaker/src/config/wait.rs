use std::time::Duration;

use crate::{ratio::Ratio, settings::ticks};

/// How long an open circuit rejects calls before it lets probes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a wait does nothing until it is given to `Builder::wait_in_open`"]
pub struct Wait {
    pub(crate) first: Duration,
    pub(crate) cap: Duration,
    pub(crate) jitter: Jitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jitter {
    None,
    Share(Ratio),
    /// What is no share is refused when the breaker is built.
    Invalid,
}

/// A [`Wait`] in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    pub(crate) first: u64,
    pub(crate) cap: u64,
    pub(crate) jitter: Option<Ratio>,
}

// === impl Wait ===

impl Wait {
    /// The same every time. The end is inclusive: a call at the very instant is let in.
    ///
    /// From 1 ns; more than 36 years are 36 years.
    pub const fn fixed(wait: Duration) -> Self {
        Self::exponential(wait, wait)
    }

    /// `first`, and twice as long each time that the probes open the circuit again, up to `cap`. Once it has
    /// closed, it is `first` again. The end is inclusive.
    ///
    /// From 1 ns; more than 36 years are 36 years; `cap` is not below `first`.
    pub const fn exponential(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            jitter: Jitter::None,
        }
    }

    /// Shortens each wait by a random part of this share of it, above 0.0 and up to 1.0, so that many
    /// processes that lost a backend together do not all come back to it at one instant; at the cap too,
    /// which is never exceeded.
    ///
    /// [`Open::retry_after`](crate::Open::retry_after) knows what came of it.
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = match Ratio::new(share) {
            Some(share) => Jitter::Share(share),
            None => Jitter::Invalid,
        };
        self
    }

    /// `None` if it could never work.
    pub(crate) const fn waits(self) -> Option<Waits> {
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
    /// The wait after so many openings since the circuit was last closed. `random` is any number.
    pub(crate) fn after(self, openings: u32, random: impl FnOnce() -> u64) -> u64 {
        let doubled = if openings < self.first.leading_zeros() {
            self.first << openings
        } else {
            self.cap
        };
        let wait = doubled.min(self.cap);
        match self.jitter {
            None => wait,
            // One nanosecond at least: an open circuit has been open.
            Some(share) => (wait - share.part_of(wait, random())).max(1),
        }
    }
}
