//! A timeout as a member of a family.

use std::sync::Arc;

use tokio::time::Instant;

#[cfg(feature = "metrics")]
use super::PHASES;
use super::{Core, Timeout};
use crate::{
    config::Builder,
    observe::{Observers, Watch},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    types::{Key, Label},
};

/// What only a member has.
#[derive(Default)]
pub(super) struct Member {
    /// Keeps the text of the key for as long as the member exists.
    _key: Option<Key>,
    /// Set by a use, cleared by [`was_used`](Timeout::was_used).
    used: AtomicBool,
}

impl Timeout {
    /// A member, or with no key the overflow.
    pub(crate) fn member(numbers: Builder, family: Label, key: Option<Key>, watch: Watch) -> Self {
        let label = family.of_member(key.as_ref());
        let mut core = Core::new(numbers, Observers::new(label, watch));
        core.member = Member {
            _key: key,
            used: AtomicBool::new(true),
        };
        Self(Arc::new(core))
    }

    /// How many handles there are, this one included.
    pub(crate) fn handles(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Whether a new member with these numbers could not be told from this one: nothing was changed by hand, and no override
    /// holds at `now`.
    pub(crate) fn is_like_new(&self, numbers: Builder, now: Instant) -> bool {
        let (limit, counts_readiness) = numbers.parts();
        self.counts_readiness() == counts_readiness && self.0.limit.is_only(limit, now)
    }

    /// Ends an override that is over, as every call does.
    pub(crate) fn settle(&self) {
        self.limit_in_nanos();
    }

    /// A call uses the member.
    #[inline]
    pub(crate) fn touch(&self) {
        // Relaxed: a hint. Written only if it is clear, so that threads share the cache line of a busy member.
        let used = &self.0.member.used;
        if !used.load(Relaxed) {
            used.store(true, Relaxed);
        }
    }

    /// Whether the member was used since this was asked last.
    pub(crate) fn was_used(&self) -> bool {
        self.0.member.used.swap(false, Relaxed)
    }

    /// What observes the calls of a member of this overflow, with its own label.
    #[cfg(feature = "metrics")]
    pub(crate) fn new_watch(&self, key: Arc<str>) -> Watch {
        let watch = Watch::new(self.name(), PHASES);
        watch.label(key);
        watch
    }

    #[cfg(test)]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
