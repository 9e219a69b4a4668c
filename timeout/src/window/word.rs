use crate::window::share::{Share, WHOLE};

/// What one window of a filter has seen, in one word: when it began, and how much of its share is unused.
///
/// Each request brings its share of a rejection, and a rejection takes a whole one. So at every moment of a
/// window at most that share of the requests in it were rejected: exactly, as it is counted in integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// In milliseconds since the filter was made.
    began: u64,
    /// In ten-thousandths of a rejection.
    credit: u32,
}

const CREDIT_BITS: u32 = 24;
/// What a window can save up: a thousand rejections at once. It fits its bits; and a window that is full
/// is unchanged by one more request, so that a busy filter with nothing to reject only reads.
const MOST_CREDIT: u32 = 1_000 * WHOLE as u32;
/// 34 years.
pub(crate) const MOST_MILLIS: u64 = (1 << (u64::BITS - CREDIT_BITS)) - 1;

impl Window {
    pub(crate) const fn from_word(word: u64) -> Self {
        let credit = (word & ((1 << CREDIT_BITS) - 1)) as u32;
        Self {
            began: word >> CREDIT_BITS,
            credit,
        }
    }

    pub(crate) const fn word(self) -> u64 {
        self.began << CREDIT_BITS | self.credit as u64
    }

    /// One more request at `now`: the window after it, and whether it is to be rejected.
    ///
    /// A window ends `period` after it began, and the first request from then on begins the next, with
    /// nothing saved up. A `now` before it began (of a thread that read the clock earlier) is in it.
    pub(crate) fn request(
        self,
        now: u64,
        share: Share,
        period: u64,
        is_expired: bool,
    ) -> (Self, bool) {
        let current = if now.saturating_sub(self.began) < period {
            self
        } else {
            Self {
                began: now.min(MOST_MILLIS),
                credit: 0,
            }
        };
        let credit = (current.credit + u32::from(share.parts())).min(MOST_CREDIT);
        // A share of none rejects nothing, even if it was set while credit of another was left.
        let is_rejected = is_expired && share.parts() > 0 && credit >= u32::from(WHOLE);
        let credit = if is_rejected {
            credit - u32::from(WHOLE)
        } else {
            credit
        };
        (Self { credit, ..current }, is_rejected)
    }
}
