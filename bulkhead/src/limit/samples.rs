//! The samples of one window: what calls report when they end, added up in atomics until the window closes.

// The property that chose the design: a call adds itself by one read-modify-write and takes no lock. Each call is counted
// in exactly one window, and each window is closed by exactly one call. The model
// `each_call_is_in_one_window_and_one_call_closes_it` holds both.

#[cfg(all(test, loom))]
mod models;

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// 24 bits for the count, 40 for the sum in microseconds (12 days). When one is full, the later calls of the window are left
/// out of both, so that the mean stays a mean of calls.
const SUM_BITS: u32 = 40;
const SUM_MAX: u64 = (1 << SUM_BITS) - 1;
const COUNT_MAX: u64 = u64::MAX >> SUM_BITS;

/// The longest latency that is added, a day: a window can then always hold `ENOUGH` of them. The shortest is one
/// microsecond, so that a mean is never zero.
const LONGEST: u64 = SUM_MAX / ENOUGH;

/// The calls that close a window. A mean over fewer says little. The number is that of Netflix's `WindowedLimit`.
const ENOUGH: u64 = 10;

/// A window that is this number of windows late is closed by one call: a service that is hardly used would otherwise answer
/// for its last hour.
const PATIENCE: u64 = 10;

/// The sums of one window, and when it ends.
#[derive(Debug)]
pub(super) struct Samples {
    /// Count and sum of the latencies of successful calls, in one word: the mean is always one of whole calls.
    latencies: AtomicU64,
    overloads: AtomicU64,
    most_in_flight: AtomicUsize,
    /// In microseconds since the bulkhead was built.
    ends: AtomicU64,
    /// The least length of a window, in microseconds.
    window: AtomicU64,
}

/// The sums of a closed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) successes: u64,
    pub(super) micros: u64,
    pub(super) overloads: u64,
    pub(super) most_in_flight: usize,
}

impl Samples {
    pub(super) fn new(window: u64) -> Self {
        Self {
            latencies: AtomicU64::new(0),
            overloads: AtomicU64::new(0),
            most_in_flight: AtomicUsize::new(0),
            ends: AtomicU64::new(window),
            window: AtomicU64::new(window),
        }
    }

    /// Makes later windows this long, and ends the present one no later than such a window that begins now.
    // Relaxed: a call that closes the present window meanwhile may still give the next one the former length.
    pub(super) fn last(&self, now: u64, window: u64) {
        self.window.store(window, Relaxed);
        self.ends.fetch_min(now.saturating_add(window), Relaxed);
    }

    /// Adds a successful call.
    pub(super) fn success(&self, micros: u64, in_flight: usize) {
        self.note_in_flight(in_flight);
        // A loop and not `fetch_add`: the sum must not overflow into the count. Relaxed throughout: these are numbers, and
        // no other memory is read because of them.
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
    pub(super) fn overload(&self, in_flight: usize) {
        self.note_in_flight(in_flight);
        self.overloads.fetch_add(1, Relaxed);
    }

    fn note_in_flight(&self, in_flight: usize) {
        // Mostly a read, since the maximum of a window is reached early.
        if in_flight > self.most_in_flight.load(Relaxed) {
            self.most_in_flight.fetch_max(in_flight, Relaxed);
        }
    }

    /// Whether this call closes the window.
    pub(super) fn closes(&self, now: u64) -> bool {
        let ends = self.ends.load(Relaxed);
        if now < ends {
            return false;
        }
        let packed = self.latencies.load(Relaxed);
        let successes = packed >> SUM_BITS;
        let calls = successes.saturating_add(self.overloads.load(Relaxed));
        let window = self.window.load(Relaxed);
        let is_late = now - ends > window.saturating_mul(PATIENCE);
        if calls < if is_late { 1 } else { ENOUGH } {
            return false;
        }
        let mean = (packed & SUM_MAX) / successes.max(1);
        // After at least two mean latencies, so that the calls admitted under a new limit have come back before it is judged.
        let next = now.saturating_add(window.max(mean.saturating_mul(2)));
        // One step: of all calls that see the same end, one wins.
        self.ends
            .compare_exchange(ends, next, Relaxed, Relaxed)
            .is_ok()
    }

    /// Takes the sums and sets them to zero. For the call that closes the window.
    pub(super) fn take(&self) -> Sums {
        let packed = self.latencies.swap(0, Relaxed);
        Sums {
            successes: packed >> SUM_BITS,
            micros: packed & SUM_MAX,
            overloads: self.overloads.swap(0, Relaxed),
            most_in_flight: self.most_in_flight.swap(0, Relaxed),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Samples, Sums};

    #[test]
    fn a_mean_stays_exact_at_the_limits_of_its_word() {
        let mean = |sums: Sums| sums.micros / sums.successes;
        let samples = Samples::new(0);
        // An hour each, more of them than 40 bits of microseconds hold.
        for _ in 0..1_000 {
            samples.success(3_600_000_000, 1);
        }
        assert_eq!(mean(samples.take()), 3_600_000_000);
        // As long as can be: still enough of them to close a window.
        for _ in 0..20 {
            samples.success(u64::MAX, 1);
        }
        assert!(samples.closes(1));
        assert!(mean(samples.take()) > 86_400_000_000);
        samples.success(0, 1);
        assert_eq!(mean(samples.take()), 1, "never zero");
    }

    #[test]
    fn a_window_without_end_is_made_shorter() {
        let samples = Samples::new(u64::MAX);
        (0..10).for_each(|_| samples.success(1, 1));
        assert!(!samples.closes(u64::MAX - 1));
        samples.last(1_000, 100);
        assert!(!samples.closes(1_099));
        assert!(samples.closes(1_100));
        samples.last(1_150, 5_000);
        samples.take();
        (0..10).for_each(|_| samples.success(1, 1));
        assert!(samples.closes(1_200), "a longer one comes next");
    }

    #[test]
    fn a_late_window_needs_one_call() {
        let samples = Samples::new(100);
        assert!(!samples.closes(u64::MAX), "nothing is in it");
        samples.overload(1);
        assert!(!samples.closes(1_100));
        assert!(samples.closes(1_101), "ten windows later");
        samples.take();
        (0..9).for_each(|_| samples.success(400, 1));
        assert!(!samples.closes(2_000));
        samples.overload(1);
        assert!(samples.closes(2_000), "ten calls");
        samples.take();
        (0..10).for_each(|_| samples.success(1, 1));
        assert!(!samples.closes(2_799), "it lasts two mean latencies");
        assert!(samples.closes(2_800));
        samples.success(1, 1);
        assert!(!samples.closes(0), "a clock that steps back");
    }
}
