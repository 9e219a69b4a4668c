//! What a full family remembers of its searches for a member to evict.

use std::time::Duration;

use tokio::time::Instant;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The most members that a search, or a step of a walk, examines: a bound for the time under the lock of the family.
pub(super) const EXAMINED: usize = 64;

/// A time in which no unknown key searches, because searches found no member to evict.
///
/// A search examines up to [`EXAMINED`] members twice under the lock of the family. In an outage, when no member can be evicted
/// and unknown keys flood in, each of them would do that. During the pause an unknown key reads a word and the clock, and shares
/// the overflow.
#[derive(Debug)]
pub(super) struct Pause {
    since: Instant,
    /// In nanoseconds from `since`; 0 if there is no pause.
    until: AtomicU64,
    /// The last searches that found no member, one after another. Written under the lock of the family.
    misses: AtomicU64,
}

/// The fewest such searches before there is a pause: where unknown keys are few, each finds a member as soon as one can be
/// evicted.
const MISSES: u64 = 16;

/// After a pause one key searches, and there is another pause if it finds no member: a few microseconds in five milliseconds.
const LENGTH: Duration = Duration::from_millis(5);

impl Pause {
    pub(super) fn none(now: Instant) -> Self {
        Self {
            since: now,
            until: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Whether a key without a member is to use the overflow at once. Reads the clock only if there was a pause.
    pub(super) fn is_on(&self, now: impl FnOnce() -> Instant) -> bool {
        // Relaxed, here and below: a hint. A key that misses the beginning of a pause asks again under the lock, and one that
        // misses its end uses the overflow.
        let until = self.until.load(Relaxed);
        until > 0 && self.ticks(now()) < until
    }

    /// Notes that a search at `now` found no member to evict among `members`. There is a pause if such searches have examined
    /// all of them. Under the lock of the family.
    pub(super) fn missed(&self, now: Instant, members: usize) {
        let misses = self.misses.load(Relaxed).saturating_add(1);
        self.misses.store(misses, Relaxed);
        let round = u64::try_from(members.div_ceil(EXAMINED)).unwrap_or(u64::MAX);
        if misses >= round.max(MISSES) {
            let until = now.checked_add(LENGTH).map_or(0, |end| self.ticks(end));
            self.until.store(until, Relaxed);
        }
    }

    /// Ends it: a member has gone. Under the lock of the family.
    pub(super) fn end(&self) {
        self.misses.store(0, Relaxed);
        self.until.store(0, Relaxed);
    }

    fn ticks(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.since);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use tokio::time::Instant;

    use super::{EXAMINED, LENGTH, Pause};

    #[test]
    fn a_pause_begins_after_enough_misses_and_ends_in_time() {
        let rounds = [(1, 16), (16 * EXAMINED, 16), (16 * EXAMINED + 1, 17)];
        for (members, searches) in rounds {
            let now = Instant::now();
            let pause = Pause::none(now);
            for _ in 1..searches {
                pause.missed(now, members);
                assert!(!pause.is_on(|| unreachable!("the clock is not read")));
            }
            pause.missed(now, members);
            assert!(pause.is_on(|| now) && !pause.is_on(|| now + LENGTH));
            // The next search decides alone.
            pause.missed(now + LENGTH, members);
            assert!(pause.is_on(|| now + LENGTH));
            pause.end();
            assert!(!pause.is_on(|| now + LENGTH));
        }
    }
}
