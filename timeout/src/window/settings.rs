use std::time::Duration;

use super::period::MOST_MILLIS;
use crate::types::InvalidConfigKind;

/// The validated settings of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// In ten-thousandths. Integers make the comparison exact.
    share: u16,
    /// In milliseconds.
    period: u64,
    is_dark: bool,
}

/// Fine enough for any policy (0.01 %), and small enough for the word of the settings.
pub(super) const WHOLE: u16 = 10_000;

const SHARE_BITS: u32 = 14;
const _: () = assert!(WHOLE < 1 << SHARE_BITS, "the share fits its bits");

impl Settings {
    /// A period longer than 34 years becomes 34 years.
    pub(crate) const fn new(
        max_share: f64,
        period: Duration,
        is_dark: bool,
    ) -> Result<Self, InvalidConfigKind> {
        let Some(share) = parts(max_share) else {
            return Err(InvalidConfigKind::MaxShare(max_share));
        };
        let millis = period.as_millis();
        if millis == 0 {
            return Err(InvalidConfigKind::Period(period));
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked by the condition")]
        let period = if millis < MOST_MILLIS as u128 {
            millis as u64
        } else {
            MOST_MILLIS
        };
        Ok(Self {
            share,
            period,
            is_dark,
        })
    }

    pub(super) const fn share(self) -> u16 {
        self.share
    }

    pub(super) const fn period(self) -> u64 {
        self.period
    }

    /// Whether the filter only counts.
    pub(crate) const fn is_dark(self) -> bool {
        self.is_dark
    }

    pub(super) const fn word(self) -> u64 {
        (self.period << SHARE_BITS | self.share as u64) << 1 | self.is_dark as u64
    }

    pub(super) const fn from_word(word: u64) -> Self {
        Self {
            share: ((word >> 1) & ((1 << SHARE_BITS) - 1)) as u16,
            period: word >> (1 + SHARE_BITS),
            is_dark: word & 1 == 1,
        }
    }
}

/// A share in ten-thousandths, rounded down; `None` unless it is from 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 10,000"
)]
const fn parts(share: f64) -> Option<u16> {
    // Written so that NaN is refused too.
    if !(share >= 0.0 && share <= 1.0) {
        return None;
    }
    // 0.29 * 10,000 is a little less than 2,900. The thousandth corrects decimals and nothing else.
    Some((share * WHOLE as f64 + 0.001) as u16)
}
