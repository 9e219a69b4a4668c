use std::{iter::Sum, ops::Add};

/// The number of good and bad events; or of slices, depending on [`Builder::budgeting`](crate::Builder::budgeting).
#[doc(alias("SLI", "ratioMetric"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    good: u64,
    bad: u64,
}

impl Counts {
    /// Counts for [`Objective::burn_rate`](crate::Objective::burn_rate).
    #[must_use]
    pub const fn new(good: u64, bad: u64) -> Self {
        Self { good, bad }
    }

    /// The good events.
    #[must_use]
    pub const fn good(self) -> u64 {
        self.good
    }

    /// The bad events.
    #[must_use]
    pub const fn bad(self) -> u64 {
        self.bad
    }

    /// All events, good and bad. Excluded events are in neither.
    #[must_use]
    pub const fn total(self) -> u128 {
        self.good as u128 + self.bad as u128
    }

    /// What was counted since `earlier`. The counters only grow, modulo 2^64, so this is exact even if they have
    /// wrapped in between.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            good: self.good.wrapping_sub(earlier.good),
            bad: self.bad.wrapping_sub(earlier.bad),
        }
    }

    /// Reads the good events, then the bad ones.
    pub(crate) fn read(words: &mut impl Iterator<Item = u64>) -> Option<Self> {
        let (good, bad) = (words.next()?, words.next()?);
        Some(Self { good, bad })
    }

    /// These counts plus `more`, `times` times, modulo 2^64.
    pub(crate) const fn grown(self, more: Self, times: u64) -> Self {
        Self {
            good: (self.good).wrapping_add(more.good.wrapping_mul(times)),
            bad: (self.bad).wrapping_add(more.bad.wrapping_mul(times)),
        }
    }
}

/// Adds the same window of several instances of a service. Saturates.
impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            good: self.good.saturating_add(other.good),
            bad: self.bad.saturating_add(other.bad),
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
