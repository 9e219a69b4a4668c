use std::{fmt, num::NonZeroU32};

/// A share of calls, compared exactly, as integers cross-multiplied.
///
/// Kept in billionths, rounded down: a number with up to nine decimals is exact, and `2.0 / 3.0` is
/// reached by two of three.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio(NonZeroU32);

const WHOLE: u64 = 1_000_000_000;

impl Ratio {
    /// `None` unless `share` is a number from 1e-9 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 1 to 10^9, where f64 is exact"
    )]
    pub(crate) const fn new(share: f64) -> Option<Self> {
        // In this order NaN is refused too.
        if !(share > 0.0 && share <= 1.0) {
            return None;
        }
        // 0.29 * 1e9 is a little less than 290,000,000: a thousandth corrects decimals and is far
        // too little to raise any other number.
        Self::from_bits((share * WHOLE as f64 + 0.001) as u32)
    }

    /// In billionths; 0 for none.
    pub(crate) const fn bits(ratio: Option<Self>) -> u32 {
        match ratio {
            Some(ratio) => ratio.0.get(),
            None => 0,
        }
    }

    pub(crate) const fn from_bits(billionths: u32) -> Option<Self> {
        match NonZeroU32::new(billionths) {
            Some(billionths) => Some(Self(billionths)),
            None => None,
        }
    }

    /// A part of this share of `whole`, as large as `random` is among all numbers; less than all of
    /// it.
    pub(crate) const fn part_of(self, whole: u64, random: u64) -> u64 {
        let share = whole as u128 * self.0.get() as u128 / WHOLE as u128;
        ((share * random as u128) >> u64::BITS) as u64
    }

    /// A number from which [`new`](Self::new) makes the same share.
    #[expect(clippy::cast_precision_loss, reason = "at most 10^9")]
    pub(crate) const fn as_f64(self) -> f64 {
        self.0.get() as f64 / WHOLE as f64
    }

    /// Whether `failures` of `calls` are this share or more.
    pub(crate) const fn is_reached(self, failures: u32, calls: u32) -> bool {
        // Below 2^32 * 2^30: never overflows.
        failures as u64 * WHOLE >= calls as u64 * self.0.get() as u64
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_f64().fmt(f)
    }
}
