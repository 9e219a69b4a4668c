use tokio::time::Instant;

use crate::{settings::NEVER, sync::OnceLock};

const NANOS: u64 = 1_000_000_000;

/// The instant that ticks are counted from: the first one that the clock was read for. A circuit in a
/// `static` is made before there is a clock; so that all are alike, the others wait for it as well.
#[derive(Debug)]
pub(crate) struct Epoch(OnceLock<Instant>);

impl Epoch {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The epoch itself; `now`, if this is the first reading.
    #[inline]
    pub(crate) fn start(&self, now: Instant) -> Instant {
        *self.0.get_or_init(|| now)
    }

    /// Nanoseconds from the epoch to `now`, 0 before it.
    #[inline]
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start(now));
        // In 64 bits, which cost half of what `as_nanos` does.
        if elapsed.as_secs() < NEVER / NANOS {
            elapsed.as_secs() * NANOS + u64::from(elapsed.subsec_nanos())
        } else {
            NEVER
        }
    }
}
