use super::{
    order::{HUNDRED, Hundred},
    settings::{Settings, WHOLE},
};

/// A period in one word: when it began, the credit for rejections that is unspent, and its position.
///
/// ```text
/// 63                          24 23     14 13            0
/// | began: ms since the filter  | credit  | position     |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// In milliseconds since the filter was built.
    began: u64,
    /// In rejections.
    credit: u32,
    /// The number of requests in the period, modulo ten thousand: after as many, every share is a whole number of
    /// rejections. A request that changes nothing is not counted.
    position: u32,
}

const POSITION_BITS: u32 = 14;
const CREDIT_BITS: u32 = 10;
const BELOW_BEGAN: u32 = CREDIT_BITS + POSITION_BITS;
/// A thousand rejections. The value fits its bits, and the cap makes the bound only stricter. A period that has
/// reached it is unchanged by the next request in time.
const MOST_CREDIT: u32 = 1_000;
/// 34 years.
pub(super) const MOST_MILLIS: u64 = (1 << (u64::BITS - BELOW_BEGAN)) - 1;
/// The bits of a word that are kept when the position becomes zero.
pub(super) const WITHOUT_POSITION: u64 = !mask(POSITION_BITS);

const _: () = assert!(
    MOST_CREDIT as u64 <= mask(CREDIT_BITS),
    "the credit fits its bits"
);
const _: () = assert!(
    WHOLE as u64 <= mask(POSITION_BITS),
    "the position fits its bits"
);

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl Period {
    #[expect(clippy::cast_possible_truncation, reason = "masked")]
    pub(super) const fn from_word(word: u64) -> Self {
        Self {
            began: word >> BELOW_BEGAN,
            credit: (word >> POSITION_BITS & mask(CREDIT_BITS)) as u32,
            position: (word & mask(POSITION_BITS)) as u32,
        }
    }

    pub(super) const fn word(self) -> u64 {
        self.began << BELOW_BEGAN | (self.credit as u64) << POSITION_BITS | self.position as u64
    }

    /// The rejections that are unspent.
    #[cfg(all(test, not(loom)))]
    pub(super) const fn credit(self) -> u32 {
        self.credit
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
                position: 0,
            }
        };
        let share = u32::from(settings.share());
        // A share of zero rejects nothing, even while credit from a larger share is left.
        if share == 0 || (!is_expired && current.credit == MOST_CREDIT) {
            return (current, false);
        }
        let deposit = u32::from(current.deposits(share));
        let credit = (current.credit + deposit).min(MOST_CREDIT);
        let is_rejected = is_expired && credit > 0;
        let next = Self {
            credit: credit - u32::from(is_rejected),
            position: (current.position + 1) % u32::from(WHOLE),
            ..current
        };
        (next, is_rejected)
    }

    /// Whether the request at this position deposits a rejection. `share` is in ten-thousandths.
    fn deposits(self, share: u32) -> bool {
        let number = self.position / HUNDRED;
        // A hundred requests deposit a hundredth of the share in ten-thousandths. Its fraction is carried over.
        let before = |hundreds: u32| hundreds * share / HUNDRED;
        let hundred = Hundred {
            began: self.began,
            number,
            rejections: before(number + 1) - before(number),
        };
        hundred.is_available(self.position % HUNDRED)
    }
}
