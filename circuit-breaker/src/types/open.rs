use std::{error::Error, fmt, io, time::Duration};

use tokio::time::Instant;

use super::{Cause, State, no_retry::NoRetry, ticks::instant};

/// A call was rejected: the breaker was open, forced open, half-open with all slots for probes
/// taken, or ramping and the call was not among the admitted share.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, PartialEq, Eq)]
pub struct Open {
    name: &'static str,
    // Packed words: every layer above copies its error type, which holds this, on the healthy path
    // too. An `Instant` would take one word more.
    /// Nanoseconds from the process's first clock reading, signed, above three bits of state.
    retry_at: i64,
    cause: u64,
}

/// What the state machine says about a rejected call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) state: State,
    /// The tick from which a new attempt is worthwhile.
    pub(crate) until: u64,
    /// A packed [`Cause`], or [`Cause::NONE`].
    pub(crate) cause: u64,
}

const STATE_BITS: u32 = 3;
const STATE_MASK: i64 = (1 << STATE_BITS) - 1;

impl Open {
    /// `until` is the refusal's, as [`since_origin`](super::ticks::since_origin) counts.
    #[inline]
    pub(crate) const fn new(name: &'static str, refusal: Refusal, until: i64) -> Self {
        Self {
            name,
            retry_at: (until << STATE_BITS) | refusal.state as i64,
            cause: refusal.cause,
        }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The state it was in. [`State::Closed`] if it closed between a service's `poll_ready` and its
    /// `call`.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "the mask leaves three bits")]
    pub const fn state(&self) -> State {
        State::ALL[(self.retry_at & STATE_MASK) as usize]
    }

    /// The instant from which a new attempt is worthwhile, fixed when the call was rejected.
    ///
    /// | state | instant |
    /// |---|---|
    /// | open | the end of the wait; the first call from then on is a probe |
    /// | forced open | the end of the override; without one, the usual wait in open after the rejection |
    /// | ramping | when a larger share of the calls is admitted |
    /// | half-open | the deadline of the oldest probe in flight; a slot may be free sooner |
    /// | others | an instant that has passed |
    #[must_use]
    pub fn retry_at(&self) -> Instant {
        instant(self.retry_at >> STATE_BITS)
    }

    /// The time from now until [`retry_at`](Self::retry_at), zero once that has passed. It reads
    /// the clock, so the answer of a rejection that was kept for a while is not stale.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.retry_at().saturating_duration_since(Instant::now())
    }

    /// Why the breaker opened last; `None` if it never did, or was reset since.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        Cause::from_bits(self.cause)
    }

    /// Finds an `Open` in an error or in its chain of sources.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(open)` and enums with `#[from] Open`. It
    /// does not see through `#[error(transparent)]`, which forwards past the value: match that
    /// variant yourself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Open};
    /// # let db = CircuitBreaker::builder().consecutive_failures(1).build("db")?;
    /// # db.try_acquire()?.failure();
    /// # let open = db.try_acquire().unwrap_err();
    /// let error: Box<dyn std::error::Error + Send + Sync> = std::io::Error::other(open).into();
    /// assert!(Open::find(error.as_ref()).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = match error.downcast_ref::<io::Error>() {
                // `io::Error::source` steps past the value it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, state) = (self.name, self.state());
        let (retry_after, cause) = (self.retry_after(), self.cause());
        write!(f, "circuit `{name}` is {state}")?;
        // A forced-open breaker has the operator's reasons, not this one.
        if let (Some(cause), false) = (cause, state == State::ForcedOpen) {
            write!(f, " since {cause}")?;
        }
        if retry_after.is_zero() {
            f.write_str(": try again now")
        } else {
            write!(f, ": try again in {retry_after:?}")
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("name", &self.name)
            .field("state", &self.state())
            .field("retry_at", &self.retry_at())
            .field("cause", &self.cause())
            .finish()
    }
}

impl Error for Open {
    /// An error with the text `do not retry here`, which retry layers look for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NoRetry)
    }
}
