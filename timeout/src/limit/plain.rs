//! A limit that is changed while calls run.

use std::{fmt, time::Duration};

use crate::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    types::Nanos,
};

/// A limit in one atomic word, shared by the clones of a handle.
///
/// A reader sees the old limit or the new one, never a mixture. A call copies the limit when it begins, and a
/// change does not affect it.
///
/// `Relaxed` is enough on both sides: no other memory is published with the word. loom proves it in
/// `a_reader_sees_the_old_or_the_new_limit`.
pub(crate) struct Limit(AtomicU64);

impl Limit {
    pub(crate) fn new(limit: Duration) -> Self {
        Self(AtomicU64::new(Nanos::from(limit).into()))
    }

    #[inline]
    pub(crate) fn load(&self) -> Nanos {
        self.0.load(Relaxed).into()
    }

    pub(crate) fn store(&self, limit: Duration) {
        self.0.store(Nanos::from(limit).into(), Relaxed);
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}
