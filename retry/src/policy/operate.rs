//! The control of an operator.

use tokio::time::Instant;

use crate::{
    policy::RetryPolicy,
    types::{Now, Override},
};

impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
    /// Turns the retries and hedges of the policy off, until an operator [resumes](Self::resume) or the override ends. Holds
    /// for all clones of the policy and all layers made of them. Replaces an override that holds.
    ///
    /// First attempts are made as before, and their results are the answers. A retry that was decided on before is still made
    /// after its wait. What is not retried for this reason has the [`GiveUpReason::Forced`](crate::GiveUpReason::Forced), and
    /// takes nothing from the budget.
    ///
    /// No task waits for the end: the first failure, hedge, query or change at or after it ends the override. A call whose first
    /// attempt succeeds costs nothing more. A retry or a hedge costs one load before it is decided on, and a clock reading while
    /// an override is in force.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_retry::{Backoff, Override, RetryPolicy};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
    /// let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none()).build()?;
    /// let hour = Duration::from_secs(60 * 60);
    /// policy.force_off(Override::new("alice", "the store is overloaded").lasting(hour));
    /// assert_eq!(policy.run(async |attempt| Err::<(), _>(attempt)).await, Err(1));
    ///
    /// tokio::time::advance(hour).await;
    /// assert_eq!(policy.run(async |attempt| Err::<(), _>(attempt)).await, Err(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn force_off(&self, by: Override) {
        let now = Instant::now();
        let shared = self.engine.shared();
        // Ends an override that is over, so that its end is told before this one.
        shared.is_off(&Now::at(now));
        shared.force_off(by, now);
    }

    /// Ends the override, and turns retries and hedges on. Returns whether there was one that holds.
    pub fn resume(&self, by: Override) -> bool {
        let shared = self.engine.shared();
        // As in `force_off`.
        shared.is_off(&Now::unread());
        shared.resume(by)
    }

    /// The override that holds now.
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        let shared = self.engine.shared();
        let is_off = shared.is_off(&Now::unread());
        is_off.then(|| shared.forced()).flatten()
    }
}
