use std::fmt;

/// By how much a wait is longer than the one before, in millionths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Multiplier(u32);

const MILLION: u32 = 1_000_000;

impl Multiplier {
    /// `None` unless a wait grows by it, and by no more than a thousand times.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to 10^9"
    )]
    pub(super) const fn new(multiplier: f64) -> Option<Self> {
        // In this order NaN is refused too.
        if !(multiplier > 1.0 && multiplier <= 1_000.0) {
            return None;
        }
        match (multiplier * MILLION as f64 + 0.5) as u32 {
            MILLION => None,
            millionths => Some(Self(millionths)),
        }
    }

    /// At most 30 bits.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    pub(super) const fn from_bits(millionths: u32) -> Self {
        Self(millionths)
    }

    pub(super) fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }

    /// `first`, multiplied `times` times. In f64: exact to the nanosecond for waits of up to a hundred
    /// days if they double, and for the others to one part in 10^13.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "saturates, and the caller has a cap"
    )]
    pub(super) fn power_of(self, times: u32, first: u64) -> u64 {
        let factor = self.as_f64().powi(times.try_into().unwrap_or(i32::MAX));
        (first as f64 * factor) as u64
    }
}

impl fmt::Debug for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_f64().fmt(f)
    }
}
