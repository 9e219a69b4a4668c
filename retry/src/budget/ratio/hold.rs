use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use crate::budget::Core;

/// Leave for one retry, taken from a [`RetryBudget`](crate::RetryBudget) before the wait begins.
///
/// [`spend`](Self::spend) it when the retry starts. Dropped before, because the wait was cancelled or the
/// service did not become ready, it goes back to the budget (as far as it has not expired meanwhile).
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the hold gives the retry back"]
pub struct Hold<P: Borrow<Core> = Arc<Core>> {
    /// `None` once it is spent.
    core: Option<P>,
    /// Where its credit ends on the ledger's line.
    end: u64,
}

impl<P: Borrow<Core>> Hold<P> {
    /// `end` must be what the core's `withdraw` returned, once for this hold.
    pub(crate) const fn new(core: P, end: u64) -> Self {
        Self {
            core: Some(core),
            end,
        }
    }

    /// The retry starts now: the credit is used up.
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
        let budget = self.core.as_ref().map(|core| core.borrow().name());
        f.debug_tuple("Hold").field(&budget).finish()
    }
}
