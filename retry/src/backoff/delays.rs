use std::{iter::FusedIterator, time::Duration};

use rand::{RngExt, rngs::SmallRng};

use crate::backoff::Backoff;

/// The waits before the retries of one request, one after another, without end.
///
/// Made by [`Backoff::delays`]. Each holds a generator of its own: cloning it repeats its delays, so a
/// request never shares one with another request.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless consumed"]
pub struct Delays {
    backoff: Backoff,
    /// Before which retry the next delay is.
    retry: u32,
    draws: Draws,
}

/// What changes from one delay of a request to the next.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    rng: SmallRng,
    /// The last delay, which decorrelated jitter goes on from.
    last: Option<Duration>,
    /// Before which retry a hint was waited for, or 0: the backoff is counted from there.
    hinted: u32,
}

// === impl Delays ===

impl Delays {
    pub(crate) const fn new(backoff: Backoff, rng: SmallRng) -> Self {
        Self {
            backoff,
            retry: 1,
            draws: Draws::new(rng),
        }
    }

    /// The next wait when the server has said to stay away for `hint`: never shorter than that.
    ///
    /// The hint takes the place of the backoff; above it comes what is chance in the delay (for
    /// [`Jitter::Full`](crate::Jitter::Full), anywhere up to the backoff of this retry), or everybody who
    /// was given the same hint would come back in the same moment. The delays after it begin anew, as
    /// [gRPC has it](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#summary-of-retry-and-hedging-logic).
    pub fn next_after(&mut self, hint: Duration) -> Duration {
        self.draw(Some(hint))
    }

    fn draw(&mut self, hint: Option<Duration>) -> Duration {
        let delay = self.draws.next(&self.backoff, self.retry, hint);
        self.retry = self.retry.saturating_add(1);
        delay
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.draw(None))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl FusedIterator for Delays {}

// === impl Draws ===

impl Draws {
    pub(crate) const fn new(rng: SmallRng) -> Self {
        Self {
            rng,
            last: None,
            hinted: 0,
        }
    }

    /// The wait before the `retry`-th retry, counted from 1.
    pub(crate) fn next(
        &mut self,
        backoff: &Backoff,
        retry: u32,
        hint: Option<Duration>,
    ) -> Duration {
        // What is spread above a hint goes on growing: a server that names the same moment again and again
        // has more and more callers to be told apart.
        let step = match hint {
            None => retry.saturating_sub(self.hinted).max(1),
            Some(_) => retry,
        };
        let (least, most) = backoff.range(step, self.last);
        let chance = if least == most {
            Duration::ZERO
        } else {
            self.rng
                .random_range(Duration::ZERO..=most.saturating_sub(least))
        };
        let delay = least + chance;
        match hint {
            None => {
                self.last = Some(delay);
                delay
            }
            Some(hint) => {
                (self.last, self.hinted) = (None, retry);
                hint.saturating_add(chance)
            }
        }
    }
}
