use std::{fmt, time::Duration};

/// A duration in one word: whole nanoseconds below 584 years, and one value for "no limit".
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

    /// The duration that was given; [`Duration::MAX`] for every unbounded one.
    #[inline]
    pub(crate) const fn duration(self) -> Duration {
        if self.0 == Self::UNBOUNDED.0 {
            Duration::MAX
        } else {
            Duration::from_nanos(self.0)
        }
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(duration: Duration) -> Self {
        u64::try_from(duration.as_nanos()).map_or(Self::UNBOUNDED, Self)
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
