use tokio::time::Instant;

use crate::{settings::NEVER, sync::OnceLock};

/// The instant that ticks are counted from: the first one that the clock was read for. A circuit in a
/// `static` is made before there is a clock; so that all are alike, the others wait for it as well.
#[derive(Debug)]
pub(crate) struct Epoch(OnceLock<Instant>);

impl Epoch {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Nanoseconds from the epoch to `now`, 0 before it.
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(*self.0.get_or_init(|| now));
        u64::try_from(elapsed.as_nanos()).map_or(NEVER, |ticks| ticks.min(NEVER))
    }
}
