//! The word of a bulkhead: its limit, its free places, whether a caller waits, and whether it is closed.
//!
//! ```text
//! bit   63 ........................ 30 29 ........ 0
//!       free places, signed            limit          word >= ONE: a place is free and no caller waits
//!         minus 2^32 while a caller waits             word <  0: a release must look at the line
//!         minus 1.5 * 2^32 once it is closed
//!         at its minimum: retired
//! ```
//!
//! The word counts free places and not held ones. "Is there a place" is then a comparison with a constant, and a
//! release is an addition of one whose sign says whether the line must be looked at. The word costs what a bare count would
//! cost.

/// One free place.
pub(crate) const ONE: i64 = 1 << LIMIT_BITS;

/// The bits of the limit. 2^30 is the largest `ONE` that is still an immediate operand.
const LIMIT_BITS: u32 = 30;

/// The limit field of a bulkhead without a limit. A limit of 2^30 - 1 or more reads as none: a thousand million calls
/// in flight do not fit into a machine.
pub(crate) const UNLIMITED: i64 = ONE - 1;

/// Added while a caller waits: more places than can ever be free, so that none appears to be.
pub(crate) const WAITING: i64 = -(ONE << 32);

/// Added once the bulkhead is closed, in place of `WAITING`: a closed bulkhead has no waiters.
pub(crate) const CLOSED: i64 = WAITING + WAITING / 2;

// Free places alone move a word by a quarter of `WAITING` at the most. So the four kinds of words do not overlap.

/// A word below this has `WAITING` or `CLOSED` in it, or is retired.
const BELOW_IS_WAITING: i64 = WAITING / 2;

/// A word below this is closed or retired.
const BELOW_IS_CLOSED: i64 = WAITING + WAITING / 4;

/// A word below this is retired.
const BELOW_IS_RETIRED: i64 = CLOSED + WAITING / 4;

/// The word as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) i64);

impl Snapshot {
    /// How a word holds `limit`.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "the value is cast only when it is below UNLIMITED"
    )]
    pub(crate) const fn field(limit: usize) -> i64 {
        if limit >= to_usize(UNLIMITED) {
            UNLIMITED
        } else {
            limit as i64
        }
    }

    /// `usize::MAX` where there is no limit.
    pub(crate) const fn limit(self) -> usize {
        let limit = self.0 & UNLIMITED;
        if limit == UNLIMITED {
            usize::MAX
        } else {
            to_usize(limit)
        }
    }

    /// How many places are taken.
    pub(crate) const fn held(self) -> usize {
        to_usize((self.0 & UNLIMITED) - self.free())
    }

    /// The limit as a word holds it.
    #[cfg(any(test, feature = "family"))]
    pub(crate) const fn limit_field(self) -> i64 {
        self.0 & UNLIMITED
    }

    /// The same permits under another limit. Not of a retired word.
    pub(crate) const fn resized(self, limit: usize) -> Self {
        let more = Self::field(limit) - (self.0 & UNLIMITED);
        Self(self.0 + more * ONE + more)
    }

    /// The same limit with `places` fewer taken, as an open bulkhead without waiters has it.
    pub(crate) const fn without(self, places: u32) -> Self {
        Self((self.free() + places as i64) * ONE + (self.0 & UNLIMITED))
    }

    /// Whether a call of `places` may ever find room under this limit.
    pub(crate) const fn fits(self, places: u32) -> bool {
        places as i64 <= self.0 & UNLIMITED
    }

    pub(crate) const fn is_waiting(self) -> bool {
        self.0 < BELOW_IS_WAITING && self.0 >= BELOW_IS_CLOSED
    }

    pub(crate) const fn is_closed(self) -> bool {
        self.0 < BELOW_IS_CLOSED && !self.is_retired()
    }

    pub(crate) const fn is_retired(self) -> bool {
        self.0 < BELOW_IS_RETIRED
    }

    /// Whether the word can count `places` more. Beyond it, `WAITING` and free places would overlap.
    pub(crate) const fn can_count(self, places: u32) -> bool {
        self.held() + places as usize <= to_usize(UNLIMITED)
    }

    /// The free places. Below zero after the limit was lowered, or where it is not enforced.
    pub(crate) const fn free(self) -> i64 {
        if self.0 >= BELOW_IS_WAITING {
            self.0 >> LIMIT_BITS
        } else if self.is_waiting() {
            (self.0 - WAITING) >> LIMIT_BITS
        } else if self.is_closed() {
            (self.0 - CLOSED) >> LIMIT_BITS
        } else {
            self.0 & UNLIMITED
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts have at most 31 bits and are never below zero"
)]
const fn to_usize(count: i64) -> usize {
    count as usize
}
