use std::{iter::FusedIterator, time::Duration};

use rand::rngs::SmallRng;

use crate::{Backoff, Jitter, backoff::Growth};

/// The waits before the retries of one request, one after another, without end.
///
/// Made by [`Backoff::delays`]. Each holds a generator of its own: cloning it repeats its delays, so a
/// request never shares one with another request.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless consumed"]
pub struct Delays {
    /// The next delay before jitter; never above the cap.
    ceiling: Duration,
    cap: Duration,
    rng: SmallRng,
    growth: Growth,
    jitter: Jitter,
}

impl Delays {
    pub(crate) fn new(backoff: Backoff, rng: SmallRng) -> Self {
        Self {
            ceiling: backoff.first.min(backoff.cap),
            cap: backoff.cap,
            rng,
            growth: backoff.growth,
            jitter: backoff.jitter,
        }
    }

    /// The next wait when the server has said to stay away for `hint`: never shorter than that.
    ///
    /// The hint takes the place of the backoff; above it comes what is chance in the delay (for
    /// [`Jitter::Full`], anywhere up to the backoff of this retry), or everybody who was given the same
    /// hint would come back in the same moment.
    pub fn next_after(&mut self, hint: Duration) -> Duration {
        let ceiling = self.advance();
        hint.saturating_add(self.jitter.chance(ceiling, &mut self.rng))
    }

    fn advance(&mut self) -> Duration {
        let now = self.ceiling;
        if self.growth == Growth::Doubling {
            // From zero it stays at zero; at `Duration::MAX` it saturates.
            self.ceiling = now.saturating_mul(2).min(self.cap);
        }
        now
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let ceiling = self.advance();
        Some(self.jitter.spread(ceiling, &mut self.rng))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl FusedIterator for Delays {}
