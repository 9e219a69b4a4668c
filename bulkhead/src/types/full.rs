use std::{error::Error, fmt, io, time::Duration};

use crate::state::permits::Snapshot;

/// A call was refused: there was no room, or none in time.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    name: &'static str,
    /// Limit and calls in flight, as the bulkhead's one word had them: taken apart only by who asks.
    seen: Snapshot,
    /// Bits 0 to 31 how long it waited in microseconds, 32 to 55 how many others waited, 56 and 57 the [`Cause`].
    /// Whole words, and no enum: with small fields, or one that has values to spare for the discriminant of the
    /// error that holds a `Full`, every result of a call is copied in pieces (33 instructions a call instead of 15).
    wait: u64,
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// As many calls as the limit allows were in flight, and this one does not wait.
    AtLimit,
    /// As many calls as the queue allows were waiting already.
    QueueFull,
    /// It waited as long as the queue allows, and no place became free (or the inner service did not become ready).
    WaitedTooLong,
    /// Its deadline had come so near that it could not have been finished any more: it was not begun.
    DeadlineTooNear,
}

impl Cause {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::AtLimit,
        Self::QueueFull,
        Self::WaitedTooLong,
        Self::DeadlineTooNear,
    ];

    /// Its name as a label: `at_limit`, `queue_full`, `waited_too_long`, `deadline_too_near`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtLimit => "at_limit",
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::DeadlineTooNear => "deadline_too_near",
        }
    }
}

impl Full {
    #[inline]
    pub(crate) fn new(
        name: &'static str,
        cause: Cause,
        seen: Snapshot,
        queued: u32,
        waited: Duration,
    ) -> Self {
        let micros = u32::try_from(waited.as_micros()).unwrap_or(u32::MAX);
        Self {
            name,
            seen,
            wait: u64::from(micros) | u64::from(queued) << 32 | (cause as u64) << 56,
        }
    }

    /// The name of the bulkhead.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Why the call was refused.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        Cause::ALL[(self.wait >> 56) as usize]
    }

    /// How many calls it lets in at once; `usize::MAX` where there is no limit.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.seen.limit()
    }

    /// How many were in flight when this call was refused.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.seen.held()
    }

    /// How many others were waiting when this call was refused; 16,777,215 also stands for more.
    #[must_use]
    pub const fn queued(&self) -> usize {
        (self.wait >> 32 & 0xFF_FFFF) as usize
    }

    /// How long this call had waited, in whole microseconds; zero where it did not wait, and at most 71 minutes.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        Duration::from_micros(self.wait & 0xFFFF_FFFF)
    }

    /// Finds a `Full` in an error or in what it says is its source, however deep.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(full)` and enums with `#[from] Full`; not
    /// through `#[error(transparent)]`, which forwards past the value: match that variant yourself.
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
                // `io::Error::source` steps past the value it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.cause() {
            Cause::AtLimit => write!(f, "bulkhead `{name}` is full")?,
            Cause::QueueFull => write!(f, "the queue of bulkhead `{name}` is full")?,
            Cause::WaitedTooLong => write!(
                f,
                "no place in bulkhead `{name}` within {:?}",
                self.waited()
            )?,
            Cause::DeadlineTooNear => write!(
                f,
                "the deadline is too near for a call through bulkhead `{name}`"
            )?,
        }
        write!(
            f,
            ": {} calls in flight of at most {}",
            self.in_flight(),
            self.limit()
        )?;
        match self.queued() {
            0 => Ok(()),
            queued => write!(f, ", {queued} waiting"),
        }
    }
}

impl Error for Full {}
