use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Cause, KeyNumber, Override, State, no_retry::NoRetry, recall, rounded::Rounded, ticks::instant,
};

/// A call was rejected: the breaker was open, forced open, half-open with all slots for probes
/// taken, or ramping and the call was not among the admitted share; or it was made through a service
/// that was [not polled ready](Self::is_unready).
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, PartialEq, Eq)]
#[doc(alias(
    "CallNotPermittedException",
    "BrokenCircuitException",
    "IsolatedCircuitException",
    "CircuitBreakerError",
    "Rejected"
))]
pub struct Open {
    name: &'static str,
    // Packed words: every layer above copies its error type, which holds this, on the healthy path
    // too. An `Instant` would take one word more.
    /// Nanoseconds from the process's first clock reading, signed, above three bits of state.
    retry_at: i64,
    /// A packed [`Cause`], and [`UNREADY`]; where the breaker is forced open, the number of the
    /// override.
    // Not the override: an earlier version kept an `Arc` of it. The error type of a healthy call then
    // had something to drop, and the call took 128 instructions instead of 54.
    cause: u64,
    /// Not the text, for the same reason.
    key: KeyNumber,
}

/// What the state machine says about a rejected call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) state: State,
    /// The tick from which a new attempt is worthwhile.
    pub(crate) until: u64,
    /// A packed [`Cause`], or [`Cause::NONE`], and [`UNREADY`]; where the breaker is forced open, the
    /// number of the override.
    pub(crate) cause: u64,
}

/// The breaker would have admitted the call. The bit that no cause uses.
const UNREADY: u64 = 1 << 63;

const STATE_BITS: u32 = 3;
const STATE_MASK: i64 = (1 << STATE_BITS) - 1;

impl Refusal {
    /// Of a call that the breaker would have admitted at `now`.
    pub(crate) const fn unready(self, now: u64) -> Self {
        Self {
            until: now,
            cause: self.cause | UNREADY,
            ..self
        }
    }
}

impl Open {
    /// `until` is the refusal's, as [`since_origin`](super::ticks::since_origin) counts.
    #[inline]
    pub(crate) const fn new(
        name: &'static str,
        key: KeyNumber,
        refusal: Refusal,
        until: i64,
    ) -> Self {
        Self {
            name,
            key,
            retry_at: (until << STATE_BITS) | refusal.state as i64,
            cause: refusal.cause,
        }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The key of the member of a family, if the family shows its keys
    /// ([`show_keys`](crate::CircuitBreakers::show_keys)); else `None`. Also `None` for a rejection that is kept until a
    /// thousand other members are gone after its own.
    ///
    /// For people and logs: it takes a lock, for which no call waits but the first ones of new keys.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.key.text()
    }

    /// The state it was in. One that admits calls, such as [`State::Closed`], if
    /// [`is_unready`](Self::is_unready).
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

    /// Why the breaker opened last; `None` if it never did, or was reset since, or is forced open:
    /// see [`by`](Self::by).
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        match self.state() {
            State::ForcedOpen => None,
            _ => Cause::from_bits(self.cause & !UNREADY),
        }
    }

    /// The operator's decision that rejects the call: the person and the reason. `None` if the breaker
    /// was not [forced open](State::ForcedOpen); and after a thousand different decisions that forced
    /// breakers of this process open later.
    ///
    /// For people and logs: it takes a lock, for which no call waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Override};
    /// # let ledger = CircuitBreaker::new("ledger");
    /// ledger.force_open(Override::new("alice", "it moves to another rack"));
    /// let open = ledger.try_acquire().unwrap_err();
    /// assert_eq!(open.by().unwrap().actor(), "alice");
    /// assert!(open.to_string().contains("forced open by alice (it moves to another rack)"));
    /// ```
    #[must_use]
    pub fn by(&self) -> Option<Override> {
        match self.state() {
            State::ForcedOpen => recall(self.cause),
            _ => None,
        }
    }

    /// Whether the breaker would have admitted the call, but the service was not polled ready for it
    /// in this state: it was called without a `poll_ready`, or the breaker was open at the
    /// `poll_ready` and has recovered since. Once it is polled ready, it may be called.
    #[must_use]
    pub const fn is_unready(&self) -> bool {
        self.cause & UNREADY != 0
    }

    /// Finds an `Open` in an error or in its chain of sources.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(open)` and enums with `#[from] Open`. It does not see through
    /// thiserror's `#[error(transparent)]`, which passes the source of the `Open` off as its own: give that variant a text
    /// of its own, `#[error("…")]` with `#[from]`, or match it.
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
        let retry_after = self.retry_after();
        write!(f, "circuit `{name}`")?;
        self.key.write(f)?;
        write!(f, " is {state}")?;
        if self.is_unready() {
            f.write_str(", but the service was called without a `poll_ready` in this state")?;
        } else if state == State::ForcedOpen {
            let by = self.by();
            let actor = by.as_ref().map_or("", Override::actor);
            let reason = by.as_ref().map_or("", Override::reason);
            if !actor.is_empty() {
                write!(f, " by {actor}")?;
            }
            if !reason.is_empty() {
                write!(f, " ({reason})")?;
            }
        } else if let Some(cause) = self.cause() {
            write!(f, " since {cause}")?;
        }
        if retry_after.is_zero() {
            f.write_str(": try again now")
        } else {
            write!(f, ": try again in {}", Rounded(retry_after))
        }
    }
}

#[expect(
    clippy::missing_fields_in_debug,
    reason = "`retry_after` stands for the field `retry_at`"
)]
impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("name", &self.name)
            .field("key", &self.key())
            .field("state", &self.state())
            .field("retry_after", &self.retry_after())
            .field("cause", &self.cause())
            .field("by", &self.by())
            .field("is_unready", &self.is_unready())
            .finish()
    }
}

impl Error for Open {
    // Not `self`, by which `find` could see through `#[error(transparent)]`: such a chain has no end.
    /// An error with the text `do not retry here`, which retry layers look for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NoRetry)
    }
}
