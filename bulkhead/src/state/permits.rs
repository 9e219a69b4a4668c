//! How many permits are out, of how many, and whether somebody waits: in one word.
//!
//! The property that chose the design: a permit is taken by one read-modify-write that also checks the
//! limit and that nobody waits, so that the limit is never exceeded, not even for a moment and not while
//! it is being changed, and nobody overtakes a queue; and a refusal only reads, so that callers who are
//! turned away do not slow down those who are inside. (`fetch_add` and take back exceeds for a moment,
//! refuses a call that had room meanwhile, and writes twice for a refusal. A limit in a word of its own
//! lets in one too many: a caller who read the old limit and is then outrun by a resize and a release.)
//!
//! ```text
//! bit   63 ........................ 30 29 ........ 0
//!       free places, signed            limit          word >= ONE: there is room, and nobody waits
//!         minus 2^32 while somebody waits             word <  0: a release has something to look after
//!         at its minimum: retired
//! ```
//!
//! Counting what is free, and not what is held, makes "is there room" a comparison with a constant and a
//! release an addition of one, whose sign says whether it is done: the word costs what a bare count would.

use crate::sync::{
    atomic::{
        AtomicI64,
        Ordering::{Acquire, Relaxed, Release},
    },
    const_fn,
};

/// One free place.
const ONE: i64 = 1 << LIMIT_BITS;

/// 30 bits: the largest limit for which `ONE` is still an immediate operand. A limit of 2^30 - 1 or more is
/// none: a thousand million calls in flight do not fit into a machine.
const LIMIT_BITS: u32 = 30;
const UNLIMITED: i64 = ONE - 1;

/// Added while somebody waits: more places than can ever be free, so that none seems to be.
const WAITING: i64 = -(ONE << 32);

/// A word below has `WAITING` in it: free places alone come down to -2^30 at the most.
const BELOW_IS_WAITING: i64 = WAITING / 2;

/// A word below is retired: with `WAITING` and all else it would be above.
const BELOW_IS_RETIRED: i64 = WAITING + WAITING / 2;

/// The word of a bulkhead.
#[derive(Debug)]
pub(crate) struct Permits {
    word: AtomicI64,
}

/// The word as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(i64);

/// How a caller that would wait was received.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reception {
    Inside,
    /// There is no room; the word says that somebody waits.
    MustWait,
    Retired,
}

// === impl Permits ===

impl Permits {
    const_fn! {
        pub(crate) fn new(limit: usize) -> Self {
            let limit = packed(limit);
            Self { word: AtomicI64::new(limit * ONE + limit) }
        }
    }

    /// Takes a permit while there is one and nobody waits for it.
    #[inline]
    pub(crate) fn try_acquire(&self) -> Result<(), Snapshot> {
        // Relaxed: a guess, which the compare-and-swap below confirms or corrects. A refusal decides
        // on it alone: it was true at some moment of this call, which is all a refusal can claim.
        let mut word = self.word.load(Relaxed);
        loop {
            if word < ONE {
                return Err(Snapshot(word));
            }
            // Acquire pairs with the Release in `release`: who gets a place sees all that its former
            // holder did there (through others' read-modify-writes too, which continue its release sequence).
            match self
                .word
                .compare_exchange_weak(word, word - ONE, Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes a permit whatever the limit says, for a bulkhead that only watches.
    pub(crate) fn acquire_beyond_limit(&self) -> Reception {
        let mut word = self.word.load(Relaxed);
        loop {
            if Snapshot(word).is_retired() {
                return Reception::Retired;
            }
            // What the word has room for: beyond, `WAITING` and free places would run into each other.
            if Snapshot(word).held() >= i64_to_usize(UNLIMITED) {
                return Reception::MustWait;
            }
            match self
                .word
                .compare_exchange_weak(word, word - ONE, Acquire, Relaxed)
            {
                Ok(_) => return Reception::Inside,
                Err(now) => word = now,
            }
        }
    }

    /// Gives a permit back, and says whether [`is_owed`](Self::is_owed) should be asked. Only a `Permit`
    /// may call it, once: that is what keeps the count right.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        // Release pairs with the Acquire in `try_acquire`, `take_or_announce` and `grant`.
        self.word.fetch_add(ONE, Release).wrapping_add(ONE) < 0
    }

    /// Whether somebody waits. Who released a permit before asking will either see the waiter, or the
    /// waiter has seen the permit (`take_or_announce`: one word, one order).
    pub(crate) fn is_owed(&self) -> bool {
        self.snapshot().is_waiting()
    }

    /// Takes a permit, or has the word say that somebody waits. Under the lock of the waiters.
    pub(crate) fn take_or_announce(&self) -> Reception {
        let mut word = self.word.load(Relaxed);
        loop {
            let seen = Snapshot(word);
            let (next, reception) = if seen.is_retired() {
                return Reception::Retired;
            } else if seen.is_waiting() {
                return Reception::MustWait; // announced already, and only we could take it back
            } else if word >= ONE {
                (word - ONE, Reception::Inside)
            } else {
                (word + WAITING, Reception::MustWait)
            };
            // One step with the look at what is free: a release comes before it, and is seen here, or
            // after it, and sees that somebody waits. Acquire as in `try_acquire`.
            match self
                .word
                .compare_exchange_weak(word, next, Acquire, Relaxed)
            {
                Ok(_) => return reception,
                Err(now) => word = now,
            }
        }
    }

    /// Takes a free permit for somebody who waits. Under the lock of the waiters.
    pub(crate) fn grant(&self) -> bool {
        let mut word = self.word.load(Relaxed);
        while Snapshot(word).free() > 0 {
            // Acquire as in `try_acquire`; the lock carries it on to the waiter.
            match self
                .word
                .compare_exchange_weak(word, word - ONE, Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Nobody waits any more. Under the lock of the waiters, once for an announcement.
    pub(crate) fn withdraw(&self) {
        // Relaxed: the lock orders announcements; permits are ordered by the word's own order.
        self.word.fetch_sub(WAITING, Relaxed);
    }

    /// Changes the limit, at once: permits that are out stay out. Under the lock of the waiters, which
    /// keeps two resizes apart.
    pub(crate) fn resize(&self, limit: usize) {
        let limit = packed(limit);
        let mut word = self.word.load(Relaxed);
        loop {
            let next = if Snapshot(word).is_retired() {
                i64::MIN | limit
            } else {
                let more = limit - (word & UNLIMITED);
                word + more * ONE + more
            };
            // The limit and what is free change in one step. Relaxed: it hands nothing over.
            match self
                .word
                .compare_exchange_weak(word, next, Relaxed, Relaxed)
            {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Ends a bulkhead that nobody is in and nobody waits for: whoever comes later is told so.
    pub(crate) fn retire(&self) -> bool {
        let word = self.word.load(Relaxed);
        let limit = word & UNLIMITED;
        // Acquire: what its users did is done before it is thrown away.
        Snapshot(word).held() == 0
            && !Snapshot(word).is_waiting()
            && self
                .word
                .compare_exchange(word, i64::MIN | limit, Acquire, Relaxed)
                .is_ok()
    }

    /// What the word says now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // Relaxed: a figure to look at, or a sign that the lock confirms.
        Snapshot(self.word.load(Relaxed))
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// `usize::MAX` where there is no limit.
    pub(crate) const fn limit(self) -> usize {
        let limit = self.0 & UNLIMITED;
        if limit == UNLIMITED {
            usize::MAX
        } else {
            i64_to_usize(limit)
        }
    }

    pub(crate) const fn held(self) -> usize {
        i64_to_usize((self.0 & UNLIMITED) - self.free())
    }

    /// Without one of those who are in.
    pub(crate) const fn but_one(self) -> Self {
        Self(self.0 + ONE)
    }

    pub(crate) const fn is_waiting(self) -> bool {
        self.0 < BELOW_IS_WAITING && !self.is_retired()
    }

    pub(crate) const fn is_retired(self) -> bool {
        self.0 < BELOW_IS_RETIRED
    }

    /// Below zero after the limit was lowered, or where it is not enforced.
    const fn free(self) -> i64 {
        if self.is_retired() {
            self.0 & UNLIMITED
        } else if self.is_waiting() {
            (self.0 - WAITING) >> LIMIT_BITS
        } else {
            self.0 >> LIMIT_BITS
        }
    }
}

#[expect(
    clippy::cast_possible_wrap,
    reason = "not where it is below UNLIMITED, and otherwise it is not used"
)]
const fn packed(limit: usize) -> i64 {
    if limit >= i64_to_usize(UNLIMITED) {
        UNLIMITED
    } else {
        limit as i64
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of at most 31 bits, never below zero"
)]
const fn i64_to_usize(count: i64) -> usize {
    count as usize
}
