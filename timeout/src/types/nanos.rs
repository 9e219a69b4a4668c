use std::{fmt, time::Duration};

/// A duration in one word: whole nanoseconds below 292 years, and one value for "no limit".
///
/// The highest bit marks a limit that the deadline of the request set. A field of its own would make the future of each
/// call a word longer.
///
/// A word is loaded and stored by one atomic operation, and comparing two words takes fewer instructions than
/// comparing two [`Duration`]s. Every bounded value is far below the largest [`Instant`](tokio::time::Instant),
/// where the arithmetic of tokio's timer would panic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(super) const ZERO: Self = Self(0);
    /// The largest value, so that the minimum of two limits is the limit that applies.
    pub(crate) const UNBOUNDED: Self = Self(u64::MAX);

    const BY_DEADLINE: u64 = 1 << 63;

    /// The duration that was given; [`Duration::MAX`] for every unbounded one.
    #[inline]
    pub(crate) const fn duration(self) -> Duration {
        if self.0 == Self::UNBOUNDED.0 {
            Duration::MAX
        } else {
            Duration::from_nanos(self.0 & !Self::BY_DEADLINE)
        }
    }

    /// Marks a limit as that of the request's deadline.
    #[inline]
    pub(super) const fn by_deadline(self) -> Self {
        Self(self.0 | Self::BY_DEADLINE)
    }

    pub(super) const fn is_by_deadline(self) -> bool {
        self.0 & Self::BY_DEADLINE != 0 && self.0 != Self::UNBOUNDED.0
    }

    pub(super) const fn is_zero(self) -> bool {
        self.0 & !Self::BY_DEADLINE == 0
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(duration: Duration) -> Self {
        match u64::try_from(duration.as_nanos()) {
            // The highest bit is free, and a marked limit is not "no limit".
            Ok(nanos) if nanos < !Self::BY_DEADLINE => Self(nanos),
            _ => Self::UNBOUNDED,
        }
    }
}

impl From<u64> for Nanos {
    #[inline]
    fn from(word: u64) -> Self {
        Self(word)
    }
}

impl From<Nanos> for u64 {
    #[inline]
    fn from(nanos: Nanos) -> Self {
        nanos.0
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::UNBOUNDED {
            f.write_str("unlimited")
        } else {
            self.duration().fmt(f)
        }
    }
}
