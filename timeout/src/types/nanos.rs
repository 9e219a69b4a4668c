use std::time::Duration;

/// A duration in one word: whole nanoseconds below 584 years, and one value for "no limit".
///
/// A word is loaded and stored by one atomic operation, and comparing two words takes fewer instructions than
/// comparing two [`Duration`]s. Every bounded value is far below the largest [`Instant`](tokio::time::Instant),
/// where the arithmetic of tokio's timer would panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(super) const ZERO: Self = Self(0);
    /// The largest value, so that the minimum of two limits is the limit that applies.
    pub(crate) const UNBOUNDED: Self = Self(u64::MAX);

    pub(crate) const fn new(duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        if nanos < u64::MAX as u128 {
            #[expect(clippy::cast_possible_truncation, reason = "checked by the condition")]
            let nanos = nanos as u64;
            Self(nanos)
        } else {
            Self::UNBOUNDED
        }
    }

    /// The duration that was given; [`Duration::MAX`] for every unbounded one.
    pub(crate) const fn duration(self) -> Duration {
        if self.is_unbounded() {
            Duration::MAX
        } else {
            Duration::from_nanos(self.0)
        }
    }

    pub(crate) const fn is_unbounded(self) -> bool {
        self.0 == u64::MAX
    }
}

impl From<u64> for Nanos {
    fn from(word: u64) -> Self {
        Self(word)
    }
}

impl From<Nanos> for u64 {
    fn from(nanos: Nanos) -> Self {
        nanos.0
    }
}
