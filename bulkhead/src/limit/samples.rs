//! What calls say while they end, added up in atomics until a window closes.
//!
//! The property that chose the design: a call that ends adds itself in one read-modify-write and takes no
//! lock; each is counted in exactly one window, and each window is closed by exactly one call.

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// 24 bits for the count, 40 for the sum in microseconds (12 days in all). When either is full, the calls that
/// follow in this window are left out of both, so that the mean stays that of calls.
const SUM_BITS: u32 = 40;
const SUM_MAX: u64 = (1 << SUM_BITS) - 1;
const COUNT_MAX: u64 = u64::MAX >> SUM_BITS;

/// A latency, at most (a day), so that enough of them find room; and at least one microsecond, so that a mean is never zero.
const LONGEST: u64 = SUM_MAX / ENOUGH;

/// A mean over fewer says little; as in Netflix's `WindowedLimit`.
const ENOUGH: u64 = 10;

/// The sums of one window, and when it ends.
#[derive(Debug)]
pub(crate) struct Samples {
    /// Count and sum of the latencies of calls that succeeded.
    latencies: AtomicU64,
    overloads: AtomicU64,
    most_in_flight: AtomicUsize,
    /// In microseconds since the bulkhead was made.
    ends: AtomicU64,
}

/// The sums of a window that was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) successes: u64,
    pub(crate) micros: u64,
    pub(crate) overloads: u64,
    pub(crate) most_in_flight: usize,
}

impl Samples {
    pub(crate) fn new(first_end: u64) -> Self {
        Self {
            latencies: AtomicU64::new(0),
            overloads: AtomicU64::new(0),
            most_in_flight: AtomicUsize::new(0),
            ends: AtomicU64::new(first_end),
        }
    }

    /// Adds a call that succeeded.
    pub(crate) fn success(&self, micros: u64, in_flight: usize) {
        self.note_in_flight(in_flight);
        // A loop and not `fetch_add`: the count must not run over, nor the sum into the count. Relaxed
        // throughout: these are numbers, and nothing else is read on the strength of them.
        let micros = micros.clamp(1, LONGEST);
        let mut packed = self.latencies.load(Relaxed);
        loop {
            let (count, sum) = ((packed >> SUM_BITS) + 1, (packed & SUM_MAX) + micros);
            if count > COUNT_MAX || sum > SUM_MAX {
                return;
            }
            match self.latencies.compare_exchange_weak(
                packed,
                count << SUM_BITS | sum,
                Relaxed,
                Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => packed = now,
            }
        }
    }

    /// Adds a call that met an overload.
    pub(crate) fn overload(&self, in_flight: usize) {
        self.note_in_flight(in_flight);
        self.overloads.fetch_add(1, Relaxed);
    }

    fn note_in_flight(&self, in_flight: usize) {
        // Mostly a read: the maximum of a window is reached early.
        if in_flight > self.most_in_flight.load(Relaxed) {
            self.most_in_flight.fetch_max(in_flight, Relaxed);
        }
    }

    /// Whether the window has ended, for the one call that closes it. The next ends no earlier than `next`.
    pub(crate) fn closes(&self, now: u64, next: impl FnOnce(u64) -> u64) -> bool {
        let ends = self.ends.load(Relaxed);
        if now < ends {
            return false;
        }
        let packed = self.latencies.load(Relaxed);
        let count = packed >> SUM_BITS;
        if count < ENOUGH && self.overloads.load(Relaxed) == 0 {
            return false;
        }
        let mean = (packed & SUM_MAX) / count.max(1);
        // One step: of all that see the same end, one wins.
        self.ends
            .compare_exchange(ends, next(mean), Relaxed, Relaxed)
            .is_ok()
    }

    /// The sums, and back to zero. For the call that closes the window.
    pub(crate) fn take(&self) -> Sums {
        let packed = self.latencies.swap(0, Relaxed);
        Sums {
            successes: packed >> SUM_BITS,
            micros: packed & SUM_MAX,
            overloads: self.overloads.swap(0, Relaxed),
            most_in_flight: self.most_in_flight.swap(0, Relaxed),
        }
    }
}
