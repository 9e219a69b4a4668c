use crate::sync::BUCKETS;

/// A million calls in a sixteenth of the window are counted exactly; and the 24 bits that are left tell
/// laps apart for five years of a window of 10 s.
const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const LAP_MASK: u64 = (1 << (64 - 2 * COUNT_BITS)) - 1;
const RING: u64 = BUCKETS as u64;
/// So many windows a thread may be held up between reading the clock and recording, and is still known to
/// be late. Not half of all laps: a bucket that saw no call for nearly all of them would look newer than
/// now, and would count nothing until it is not.
const LATE_LAPS: u64 = 1 << 10;
/// Epochs after which a bucket cannot be told from one of now: 2^24 laps of the ring.
const EPOCH_MASK: u64 = (LAP_MASK + 1) * RING - 1;

/// One step of the window, packed: which lap of the ring it belongs to (24 bits), bad calls (20), calls (20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket(u64);

/// Calls, and how many of them were bad in the one respect that is counted: that they failed, or were slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u32,
    pub(crate) bad: u32,
}

impl Bucket {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// This bucket after one call more in `epoch`: what is left of an earlier lap goes. `None` if it has
    /// moved on to a later lap: the call has left the window, and must not take newer ones with it.
    ///
    /// A bucket counts to 1,048,575 calls. One more halves both counts first: from there on the share of
    /// bad ones is exact to one part in half a million, and the number of calls is a lower bound that is
    /// above every minimum that can be configured.
    #[inline]
    pub(crate) const fn record(self, epoch: u64, is_bad: bool) -> Option<Self> {
        let lap = (epoch / RING) & LAP_MASK;
        let one = 1 | ((is_bad as u64) << COUNT_BITS);
        if self.lap() == lap && self.calls() < COUNT_MASK {
            // The usual case. Bad ones are no more than calls, so neither count runs over.
            return Some(Self(self.0 + one));
        }
        let mut counts = 0;
        if self.lap() == lap {
            counts = (self.calls() / 2) | ((self.bad() / 2) << COUNT_BITS);
        } else if self.calls() > 0 && (self.lap().wrapping_sub(lap) & LAP_MASK) <= LATE_LAPS {
            return None;
        }
        Some(Self(((lap << (2 * COUNT_BITS)) | counts) + one))
    }

    /// One of the lap of `epoch`, without a call.
    pub(crate) const fn empty(epoch: u64) -> Self {
        Self(((epoch / RING) & LAP_MASK) << (2 * COUNT_BITS))
    }

    /// This bucket after so many more calls in `epoch`, as [`record`](Self::record) has it for one.
    pub(crate) fn add(self, epoch: u64, counts: Counts) -> Option<Self> {
        let empty = Self::empty(epoch);
        let (mut calls, mut bad) = (u64::from(counts.calls), u64::from(counts.bad));
        if self.lap() == empty.lap() {
            calls += self.calls();
            bad += self.bad();
        } else if self.calls() > 0 && (self.lap().wrapping_sub(empty.lap()) & LAP_MASK) <= LATE_LAPS
        {
            return None;
        }
        while calls > COUNT_MASK {
            (calls, bad) = (calls / 2, bad / 2);
        }
        Some(Self(empty.0 | (bad << COUNT_BITS) | calls))
    }

    /// How many steps it is older than `epoch`, being the bucket `index` of the ring; 0 if it is ahead.
    pub(crate) const fn age(self, index: usize, epoch: u64) -> u64 {
        let own = self.lap() * RING + index as u64;
        match epoch.wrapping_sub(own) & EPOCH_MASK {
            age if age < RING => age,
            _ => 0,
        }
    }

    /// Its counts, if it is the bucket `index` of the ring and less than one ring away from `epoch`.
    ///
    /// Before as after: a thread whose clock reading is older than another's by a moment, over the edge
    /// of a bucket, must not overlook the other's failure.
    #[expect(clippy::cast_possible_truncation, reason = "20 bits")]
    pub(crate) const fn counts(self, index: usize, epoch: u64) -> Option<Counts> {
        let own = self.lap() * RING + index as u64;
        let age = epoch.wrapping_sub(own) & EPOCH_MASK;
        if age < RING || age > EPOCH_MASK + 1 - RING {
            return Some(Counts {
                calls: self.calls() as u32,
                bad: self.bad() as u32,
            });
        }
        None
    }

    const fn lap(self) -> u64 {
        self.0 >> (2 * COUNT_BITS)
    }

    const fn bad(self) -> u64 {
        (self.0 >> COUNT_BITS) & COUNT_MASK
    }

    const fn calls(self) -> u64 {
        self.0 & COUNT_MASK
    }
}
