use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use super::{Origin, Snapshot, no_retry::NoRetry, rounded::Rounded};

/// The rejection of a bulkhead: no place was free, or none became free in time.
///
/// It is made and cloned without an allocation and without a reference count. With the feature `serde` it can be serialized,
/// with a field for each accessor.
#[derive(Clone, PartialEq, Eq)]
#[doc(alias = "BulkheadFullException")]
#[doc(alias = "BulkheadFull")]
#[doc(alias = "BulkheadRejectedException")]
#[doc(alias = "Overloaded")]
pub struct Full {
    origin: Origin,
    // Limit and calls in flight, as the word of the bulkhead had them. The accessors unpack it, so that a refusal
    // only copies it.
    seen: Snapshot,
    // Bits 0 to 31: the wait in microseconds, or for `TooHeavy` the places of the call. Bits 32 to 51: how many others
    // waited. Bits 52 to 59: `retry_after` in seconds. Bits 60 to 63: the `Cause`, unless `seen` is closed.
    //
    // Whole words, because a `Full` is part of every error type of every stack. With `cause` as an enum field rustc puts
    // the discriminant of the user's enum into its spare values, and each `Result` is copied in pieces: 33 instructions a
    // call, 29 with small integer fields, 18 with whole words.
    wait: u64,
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The limit was reached, and this call does not wait.
    AtLimit,
    /// The queue was full.
    QueueFull,
    /// The wait lasted as long as the queue allows, and no place became free or the inner service did not become ready.
    WaitedTooLong,
    /// The deadline of the call was too near to finish it. The call did not begin.
    DeadlineTooNear,
    /// The call takes more places than the limit allows, so that it would wait for ever. See
    /// [`weight`](crate::BulkheadLayer::weight).
    TooHeavy,
    /// The bulkhead was [closed](crate::Bulkhead::close), before the call or while it waited.
    Closed,
}

impl Cause {
    /// All causes, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::AtLimit,
        Self::QueueFull,
        Self::WaitedTooLong,
        Self::DeadlineTooNear,
        Self::TooHeavy,
        Self::Closed,
    ];

    /// The name of the cause as a label: `at_limit`, `queue_full`, `waited_too_long`, `deadline_too_near`, `too_heavy`,
    /// `closed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtLimit => "at_limit",
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::DeadlineTooNear => "deadline_too_near",
            Self::TooHeavy => "too_heavy",
            Self::Closed => "closed",
        }
    }
}

impl Full {
    #[inline]
    pub(crate) fn new(
        origin: Origin,
        cause: Cause,
        seen: Snapshot,
        told: u64,
        waited: Duration,
    ) -> Self {
        Self {
            origin,
            seen,
            wait: micros(waited) | told << 32 | (cause as u64) << 60,
        }
    }

    /// The refusal of a call that takes `places`, more than the limit allows.
    #[cold]
    pub(crate) fn too_heavy(origin: Origin, seen: Snapshot, told: u64, places: u32) -> Self {
        let waited = Duration::from_micros(u64::from(places));
        Self::new(origin, Cause::TooHeavy, seen, told, waited)
    }

    /// The name of the bulkhead.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.origin.name()
    }

    /// The key of the member of a family that [shows its keys](crate::Bulkheads::show_keys).
    ///
    /// The text has at most 128 characters and no control characters. It is `None` where the caller shared the overflow, and
    /// once 1,000 later members are gone too. Takes a short lock of the process, and so does `Display`.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.origin.key.text()
    }

    /// Why the call was refused.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        // The word says whether the bulkhead is closed, so that a refusal does not look for it.
        if self.seen.is_closed() {
            Cause::Closed
        } else {
            self.told()
        }
    }

    const fn told(&self) -> Cause {
        Cause::ALL[(self.wait >> 60) as usize]
    }

    /// How many places the call takes, where it is [too heavy](Cause::TooHeavy).
    #[must_use]
    pub const fn places(&self) -> Option<usize> {
        match self.cause() {
            Cause::TooHeavy => Some((self.wait & 0xFFFF_FFFF) as usize),
            _ => None,
        }
    }

    /// The limit; `usize::MAX` where there is none.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.seen.limit()
    }

    /// How many calls were in flight when this call was refused: the places that were taken, if calls have
    /// [weights](crate::BulkheadLayer::weight).
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.seen.held()
    }

    /// How many other calls waited when this call was refused. 1,048,575 also stands for more.
    #[must_use]
    pub const fn queued(&self) -> usize {
        (self.wait >> 32 & 0xF_FFFF) as usize
    }

    /// How long this call had waited, in whole microseconds and at most 71 minutes. Zero if it did not wait, or was too
    /// heavy.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        match self.told() {
            Cause::TooHeavy => Duration::ZERO, // its places are kept there
            _ => Duration::from_micros(self.wait & 0xFFFF_FFFF),
        }
    }

    /// When the caller may try again: what [`Builder::retry_after`](crate::Builder::retry_after) says, in whole seconds and
    /// never zero. For the `Retry-After` of a 503.
    ///
    /// A bulkhead does not know when a place becomes free. `None` where the same call has no better chance later: its
    /// deadline was too near, it is too heavy, or the bulkhead is closed. So this is an `Option`. A circuit breaker and an error
    /// budget refuse for a time, and their rejections have a plain `Duration`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::Bulkhead;
    /// use std::time::Duration;
    ///
    /// let pool = Bulkhead::builder().limit(1).retry_after(Duration::from_secs(5)).build("db")?;
    /// let _held = pool.try_acquire()?;
    /// let full = pool.try_acquire().unwrap_err();
    /// let header = full.retry_after().map(|after| after.as_secs().to_string());
    /// assert_eq!(header.as_deref(), Some("5"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.cause() {
            Cause::AtLimit | Cause::QueueFull | Cause::WaitedTooLong => {
                Some(Duration::from_secs(self.wait >> 52 & 0xFF))
            }
            Cause::DeadlineTooNear | Cause::TooHeavy | Cause::Closed => None,
        }
    }

    /// Finds a `Full` in `error` or in its chain of sources.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(full)` and enums with `#[from] Full`. It does not see through
    /// `#[error(transparent)]`, which forwards past the value: match that variant yourself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_bulkhead::{Bulkhead, Full};
    /// # let pool = Bulkhead::builder().limit(1).build("db")?;
    /// # let _held = pool.try_acquire()?;
    /// # let full = pool.try_acquire().unwrap_err();
    /// let error: Box<dyn std::error::Error + Send + Sync> = std::io::Error::other(full).into();
    /// assert!(Full::find(error.as_ref()).is_some());
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
                // `io::Error::source` skips the value it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

/// In 32 bits: 71 minutes stand for more.
fn micros(waited: Duration) -> u64 {
    u64::from(u32::try_from(waited.as_micros()).unwrap_or(u32::MAX))
}

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full")
            .field("name", &self.name())
            .field("key", &self.key())
            .field("cause", &self.cause())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .field("queued", &self.queued())
            .field("waited", &self.waited())
            .field("places", &self.places())
            .field("retry_after", &self.retry_after())
            .finish()
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Named(self.origin);
        match self.cause() {
            Cause::AtLimit => write!(f, "bulkhead {name} is full")?,
            Cause::QueueFull => write!(f, "the queue of bulkhead {name} is full")?,
            Cause::WaitedTooLong => write!(
                f,
                "no place in bulkhead {name} within {}",
                Rounded(self.waited())
            )?,
            Cause::DeadlineTooNear => write!(
                f,
                "the deadline is too near for a call through bulkhead {name}"
            )?,
            Cause::TooHeavy => write!(
                f,
                "a call of {} places does not fit into bulkhead {name}",
                self.places().unwrap_or_default()
            )?,
            Cause::Closed => write!(f, "bulkhead {name} is closed")?,
        }
        let (in_flight, limit) = (self.in_flight(), self.limit());
        let s = if in_flight == 1 { "" } else { "s" };
        write!(f, ": {in_flight} call{s} in flight")?;
        if limit != usize::MAX {
            write!(f, " of at most {limit}")?;
        }
        match self.queued() {
            0 => Ok(()),
            queued => write!(f, ", {queued} waiting"),
        }
    }
}

/// The name, and the key of the member.
struct Named(Origin);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.name())?;
        self.0.key.write(f)
    }
}

impl Error for Full {
    /// An error with the text `do not retry here`, which retry layers look for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NoRetry)
    }
}
