use std::{error::Error, fmt, io, time::Duration};

use crate::{Cause, State, circuit::Refusal};

/// A call was rejected because the circuit was open, forced open, half-open with all places for probes
/// taken, or ramping and it was not among those let in.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, PartialEq, Eq)]
pub struct Open {
    name: &'static str,
    // As the core has them: to read them costs less than to carry them unpacked, and most are never read. Whole words:
    // the spare bytes of a small field are copied one by one.
    /// In nanoseconds, and above them, from bit 60, the state.
    retry_after: u64,
    cause: u64,
}

/// A wait is below 2^60, see `NEVER`.
const STATE_SHIFT: u32 = 60;

impl Open {
    #[inline]
    pub(crate) const fn new(name: &'static str, refusal: Refusal) -> Self {
        Self {
            name,
            retry_after: refusal.retry_after | ((refusal.state as u64) << STATE_SHIFT),
            cause: refusal.cause,
        }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The state it was in. [`State::Closed`] if it closed between a service's `poll_ready` and its `call`.
    #[must_use]
    pub const fn state(&self) -> State {
        State::ALL[(self.retry_after >> STATE_SHIFT) as usize]
    }

    /// When it is worth asking again, from the moment of the rejection.
    ///
    /// Open: exactly the rest of the wait; a call then is the first probe if nobody was faster.
    /// Forced open: the rest of the override; of one that does not end by itself, the usual wait in open, as
    /// nobody knows.
    /// Ramping: until a larger share of the calls is let in; a call before may be among those that are.
    /// Half-open: until the time of the first probe in flight is over; a place may be free sooner.
    /// Zero: now.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        Duration::from_nanos(self.retry_after & ((1 << STATE_SHIFT) - 1))
    }

    /// Why the circuit opened last; `None` if it never did, or was reset since.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        Cause::from_bits(self.cause)
    }

    /// Finds an `Open` in an error or in what it says is its source, however deep.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(open)` and enums with `#[from] Open`; not
    /// through `#[error(transparent)]`, which forwards past the value: match that variant yourself.
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
        // An operator had other reasons.
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
            .field("retry_after", &self.retry_after())
            .field("cause", &self.cause())
            .finish()
    }
}

impl Error for Open {}
