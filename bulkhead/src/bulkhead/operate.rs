//! The controls of an operator.

use super::Bulkhead;
use crate::{
    state::Pointer,
    types::{InvalidConfig, Override},
};

impl<P: Pointer> Bulkhead<P> {
    /// Puts an operator's limit in the place of the configured one, until [`resume`](Self::resume) or until the override
    /// [ends](Override::lasting): lower to protect a dependency in trouble, higher to let a backlog through. `usize::MAX` is no
    /// limit.
    ///
    /// Calls in flight stay, as with [`set_limit`](Self::set_limit). Meanwhile `set_limit` and
    /// [`reconfigure`](Self::reconfigure) change the limit that follows. The law of an adaptive limit is paused: it learns
    /// nothing, and goes on from its own limit afterwards. A second call replaces the override. Of a family this is one member,
    /// which is not evicted meanwhile.
    ///
    /// A bulkhead that [only counts](crate::Builder::metrics_only) admits calls beyond a forced limit too.
    ///
    /// # The end
    ///
    /// No task waits for the end, and a call that finds a place does not look at the clock. After the end, no call is refused
    /// for a lowered limit, and none is admitted because of a raised one. Event, gauge and waiting callers follow when the end is
    /// noticed: by a call that finds no place or begins to wait, a call that ends while another one waits, the end of a wait
    /// in a [`QueueLayer`](crate::QueueLayer), [`forced`](Self::forced), [`limit`](Self::limit), and once a
    /// [`window`](crate::Builder::window) of an adaptive limit. If no other call arrives or ends, callers that wait in
    /// [`acquire`](Self::acquire) are admitted only at the next of these events.
    ///
    /// While an override is in force, a call that finds no place takes a short lock and reads the clock. So does each call beyond
    /// the configured limit, if a raised limit has an end.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0; nothing is changed then. To refuse all calls, [`close`](Self::close).
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Override};
    /// use std::time::Duration;
    ///
    /// let pool = Bulkhead::builder().limit(64).build("postgres")?;
    /// let by = Override::new("maria", "replica is being restored").lasting(Duration::from_secs(600));
    /// pool.force_limit(8, by.clone())?;
    /// assert_eq!((pool.limit(), pool.forced()), (8, Some(by)));
    /// assert!(pool.resume(Override::new("maria", "restored")));
    /// assert_eq!((pool.limit(), pool.forced()), (64, None));
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn force_limit(&self, limit: usize, by: Override) -> Result<(), InvalidConfig> {
        self.0.core().force(limit, by)
    }

    /// Ends a [forced](Self::force_limit) limit. Returns whether one was in force.
    pub fn resume(&self, by: Override) -> bool {
        self.0.core().resume(by)
    }

    /// The override that is in force. Its limit is [`limit`](Self::limit).
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.0.core().forced()
    }
}
