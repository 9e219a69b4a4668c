/// A share of requests, in ten-thousandths: integers, so that what is compared is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u16);

/// Fine enough for any policy (0.01 %), coarse enough to leave room beside it in a word.
pub(crate) const WHOLE: u16 = 10_000;

impl Share {
    /// `None` unless `share` is a number from 0 to 1. Rounded down to a ten-thousandth, so that it is not
    /// exceeded by more than a thousandth of one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 10,000"
    )]
    pub(crate) const fn new(share: f64) -> Option<Self> {
        // In this order NaN is refused too.
        if !(share >= 0.0 && share <= 1.0) {
            return None;
        }
        // 0.29 * 100 is a little less than 29: a thousandth puts decimals right and lifts nothing else.
        Some(Self((share * WHOLE as f64 + 0.001) as u16))
    }

    pub(crate) const fn parts(self) -> u16 {
        self.0
    }

    pub(crate) const fn from_parts(parts: u16) -> Self {
        Self(parts)
    }
}
