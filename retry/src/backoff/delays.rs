use std::{fmt, iter::FusedIterator, time::Duration};

use rand::{RngExt, rngs::SmallRng};

use crate::backoff::Backoff;

/// The waits before the retries of one request, an iterator without end.
///
/// Made by [`Backoff::delays`]. It owns its random generator, so a clone repeats the same delays. Draw new ones for
/// each request.
#[derive(Clone)]
#[must_use = "iterators do nothing unless consumed"]
pub struct Delays {
    backoff: Backoff,
    /// The retry that the next delay precedes.
    retry: u32,
    draws: Draws,
}

/// What changes from one delay of a request to the next.
#[derive(Clone)]
pub(crate) struct Draws {
    rng: SmallRng,
    /// The last delay, from which decorrelated jitter continues.
    last: Option<Duration>,
    /// The last retry that followed a hint, or 0. The backoff is counted from there.
    hinted: u32,
}

// === impl Delays ===

impl Delays {
    pub(super) const fn new(backoff: Backoff, rng: SmallRng) -> Self {
        Self {
            backoff,
            retry: 1,
            draws: Draws::new(rng),
        }
    }

    /// The next wait if the server asked to stay away for `hint`. It is never shorter than `hint`.
    ///
    /// The hint replaces the backoff. The random part of the delay is added to it (for
    /// [`Jitter::Full`](crate::Jitter::Full), anywhere up to the backoff of this retry), or all callers with the
    /// same hint would come back at the same time. The delays after it start again, as in
    /// [gRPC](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#summary-of-retry-and-hedging-logic).
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

impl fmt::Debug for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delays")
            .field("backoff", &self.backoff)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

// === impl Draws ===

impl Draws {
    pub(crate) const fn new(rng: SmallRng) -> Self {
        Self {
            rng,
            last: None,
            hinted: 0,
        }
    }

    /// The shortest wait before the `retry`-th retry that the jitter allows.
    pub(crate) fn shortest(&self, backoff: &Backoff, retry: u32) -> Duration {
        backoff.range(retry, self.last).0
    }

    /// The wait before the `retry`-th retry, counted from 1.
    pub(crate) fn next(
        &mut self,
        backoff: &Backoff,
        retry: u32,
        hint: Option<Duration>,
    ) -> Duration {
        // The part above a hint grows from one retry to the next. A server that names the same time again and
        // again has more callers to tell apart each time.
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
