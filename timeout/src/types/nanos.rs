use std::time::Duration;

/// A length of time in one word: whole nanoseconds up to 584 years; from there on, no end at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const UNBOUNDED: Self = Self(u64::MAX);

    pub(crate) const fn new(duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        if nanos < u64::MAX as u128 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it fits, by the line above"
            )]
            let nanos = nanos as u64;
            Self(nanos)
        } else {
            Self::UNBOUNDED
        }
    }

    /// As it was given, but [`Duration::MAX`] for all that is unbounded.
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

    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }
}
