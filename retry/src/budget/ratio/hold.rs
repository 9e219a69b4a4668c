use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use super::Core;

/// The right to one retry, taken from a [`RetryBudget`](crate::RetryBudget) before the wait begins.
///
/// [`spend`](Self::spend) it when the retry starts. If it is dropped before, because the wait was cancelled or the
/// service did not become ready, the budget takes back the part of its credit that has not expired.
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the hold gives the retry back"]
pub struct Hold<P: Borrow<Core> = Arc<Core>> {
    /// `None` after the retry has started.
    core: Option<P>,
    /// The end of its credit on the ledger's line.
    end: u64,
}

// === impl Hold ===

impl<P: Borrow<Core>> Hold<P> {
    /// `end` must be what the core's `withdraw` returned, once for this hold.
    pub(super) const fn new(core: P, end: u64) -> Self {
        Self {
            core: Some(core),
            end,
        }
    }

    /// The retry starts, and its credit is used up.
    pub fn spend(mut self) {
        self.core = None;
    }
}

impl<P: Borrow<Core>> Drop for Hold<P> {
    fn drop(&mut self) {
        if let Some(core) = &self.core {
            core.borrow().refund(self.end, Instant::now());
        }
    }
}

impl<P: Borrow<Core>> fmt::Debug for Hold<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("budget", &self.core.as_ref().map(Borrow::borrow))
            .finish_non_exhaustive()
    }
}
