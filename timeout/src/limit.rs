use std::time::Duration;

use crate::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    types::nanos::Nanos,
};

/// A limit that may change while calls are under way.
///
/// One word, so that a reader has the old limit or the new one and nothing between. Relaxed, as no
/// other memory hangs on it: a call is bounded by the limit that it read when it began.
#[derive(Debug)]
pub(crate) struct Limit(AtomicU64);

impl Limit {
    pub(crate) fn new(limit: Duration) -> Self {
        Self(AtomicU64::new(Nanos::new(limit).word()))
    }

    #[inline]
    pub(crate) fn load(&self) -> Nanos {
        Nanos::from_word(self.0.load(Relaxed))
    }

    pub(crate) fn store(&self, limit: Duration) {
        self.0.store(Nanos::new(limit).word(), Relaxed);
    }
}
