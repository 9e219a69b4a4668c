//! What a full family remembers of its searches for a member that may go.

use std::time::Duration;

use tokio::time::Instant;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A time in which no unknown key searches, because searches found no member that may go.
///
/// A search examines up to 64 members twice under the lock of the family. In an outage, when no member may go and unknown keys
/// flood in, each of them would do that. During the pause an unknown key reads a word and the clock, and shares the overflow.
#[derive(Debug)]
pub(super) struct Pause {
    since: Instant,
    /// In nanoseconds from `since`; 0 if there is no pause.
    until: AtomicU64,
    /// The last searches without success. Written under the lock of the family.
    in_vain: AtomicU64,
}

/// The searches in vain, one after another, before there is a pause: where unknown keys are few, each finds a member as soon
/// as one may go.
const IN_VAIN: u64 = 16;

/// After a pause one key searches, and there is another pause if that is in vain too: a few microseconds in five
/// milliseconds. Under loom, where no result may depend on the clock, it does not end.
const LENGTH: Duration = if cfg!(all(test, loom)) {
    Duration::from_secs(3_600)
} else {
    Duration::from_millis(5)
};

impl Pause {
    pub(super) fn none(now: Instant) -> Self {
        Self {
            since: now,
            until: AtomicU64::new(0),
            in_vain: AtomicU64::new(0),
        }
    }

    /// Whether a key without a member is to use the overflow at once. Reads the clock only if there was a pause.
    pub(super) fn is_on(&self, now: impl FnOnce() -> Instant) -> bool {
        // Relaxed, here and below: a hint. A key that misses the beginning of a pause searches, and one that misses its end
        // uses the overflow.
        let until = self.until.load(Relaxed);
        until > 0 && self.ticks(now()) < until
    }

    /// Notes that a search at `now` found no member that may go. Under the lock of the family.
    pub(super) fn in_vain(&self, now: Instant) {
        let in_vain = self.in_vain.load(Relaxed).saturating_add(1);
        self.in_vain.store(in_vain, Relaxed);
        if in_vain >= IN_VAIN {
            let until = now.checked_add(LENGTH).map_or(0, |end| self.ticks(end));
            self.until.store(until, Relaxed);
        }
    }

    /// Ends it: a member has gone. Under the lock of the family.
    pub(super) fn end(&self) {
        self.in_vain.store(0, Relaxed);
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

    use super::{IN_VAIN, LENGTH, Pause};

    #[test]
    fn a_pause_begins_with_the_last_search_in_vain_and_ends_in_time() {
        let now = Instant::now();
        let pause = Pause::none(now);
        for _ in 1..IN_VAIN {
            pause.in_vain(now);
            assert!(!pause.is_on(|| unreachable!("the clock is not read")));
        }
        pause.in_vain(now);
        assert!(pause.is_on(|| now) && !pause.is_on(|| now + LENGTH));
        // The next search decides alone.
        pause.in_vain(now + LENGTH);
        assert!(pause.is_on(|| now + LENGTH));
        pause.end();
        assert!(!pause.is_on(|| now + LENGTH));
    }
}
