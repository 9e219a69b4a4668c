use super::settings::{Settings, WHOLE};

/// A period in one word: when it began, and the credit for rejections that is unspent.
///
/// ```text
/// 63                          24 23            0
/// | began: ms since the filter | credit         |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// In milliseconds since the filter was built.
    began: u64,
    /// In ten-thousandths of a rejection.
    credit: u32,
}

const CREDIT_BITS: u32 = 24;
/// A thousand rejections. The value fits its bits, and the cap makes the bound only stricter. A period that has
/// reached it is unchanged by the next request in time.
const MOST_CREDIT: u32 = 1_000 * WHOLE as u32;
/// 34 years.
pub(super) const MOST_MILLIS: u64 = (1 << (u64::BITS - CREDIT_BITS)) - 1;

impl Period {
    pub(super) const fn from_word(word: u64) -> Self {
        let credit = (word & ((1 << CREDIT_BITS) - 1)) as u32;
        Self {
            began: word >> CREDIT_BITS,
            credit,
        }
    }

    pub(super) const fn word(self) -> u64 {
        self.began << CREDIT_BITS | self.credit as u64
    }

    /// The period after one more request at `now`, and whether the request is to be rejected.
    ///
    /// The first request after the end of a period begins the next one, with no credit. A `now` before the
    /// period began (another thread read the clock earlier) belongs to the period.
    pub(super) fn request(self, now: u64, settings: Settings, is_expired: bool) -> (Self, bool) {
        let current = if now.saturating_sub(self.began) < settings.period() {
            self
        } else {
            Self {
                began: now,
                credit: 0,
            }
        };
        let share = u32::from(settings.share());
        let credit = (current.credit + share).min(MOST_CREDIT);
        // A share of zero rejects nothing, even while credit from a larger share is left.
        let is_rejected = is_expired && share > 0 && credit >= u32::from(WHOLE);
        let credit = if is_rejected {
            credit - u32::from(WHOLE)
        } else {
            credit
        };
        (Self { credit, ..current }, is_rejected)
    }
}
