//! The outbox: dispatches the runs that are stored and queued, also after a restart.
//!
//! The queue *is* the store (`status = 'queued'`). A run is delivered at least once; its id is the
//! idempotency key, so the dispatch API takes it once. The outbox calls the same stack as a request does, so its
//! calls are the probes that notice when the API is back.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use maestro_circuit_breaker::State;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::conductor::Conductor;
use crate::rejection::Fault;
use crate::run::{RunId, Status};
use crate::store::{Query, Reply, StoreError};

/// The number of ids read in one query. The runs themselves are read one by one: a page of large runs would take longer
/// than an attempt may, at every attempt, and nothing would be dispatched again.
const PAGE: u32 = 64;
/// The number of concurrent dispatches: a quarter of the bulkhead, which leaves room for new runs.
const AT_ONCE: usize = 4;

/// The runs that are being dispatched. Claims only avoid repeats; correctness depends on the idempotency key.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    held: Mutex<HashSet<RunId>>,
}

/// The right to dispatch a run. The other tasks of this process skip the run until the claim is dropped.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    claims: &'a Claims,
    id: RunId,
}

/// Dispatches queued runs until `stop` is true.
pub(crate) async fn drain(
    conductor: Arc<Conductor>,
    interval: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut round = Round::default();
    while !*stop.borrow() {
        let pause = round.go_on(&conductor, &stop).await.max(interval);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Also if the server is dropped without a shutdown. The loop would otherwise go on without a pause.
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// A pass through the queue, from the oldest run to the newest.
///
/// A pass that ends early continues from its last position. An earlier version began each pass with the oldest run
/// and ended it at the first failure, so a few runs that the peer cannot process blocked all others. Now only a
/// rejection by one of our layers ends a pass early.
#[derive(Debug, Default)]
struct Round {
    after: Option<RunId>,
}

impl Round {
    /// Dispatches queued runs until the pass is complete or a layer rejects. Returns the time until the next try.
    async fn go_on(
        &mut self,
        conductor: &Arc<Conductor>,
        stop: &watch::Receiver<bool>,
    ) -> Duration {
        while !*stop.borrow() {
            if let Ok(Reply::Count(queued)) = conductor.reads.call(Query::CountQueued).await {
                conductor.queued.store(queued, Relaxed);
            }
            let page = Query::Queued {
                limit: PAGE,
                after: self.after,
            };
            let ids = match conductor.reads.call(page).await {
                Ok(Reply::Ids(page)) => page.items,
                Ok(_) => Vec::new(),
                Err(error) => return error.retry_after().unwrap_or_default(),
            };
            if ids.is_empty() {
                self.after = None;
                return Duration::ZERO;
            }
            // A run whose new status cannot be written is sent again. While the writer fails, its probe is a query and
            // not a run.
            let closed = conductor.writes.controls().breaker.state() == State::Closed;
            if !closed && let Err(error) = conductor.readiness.ask(&conductor.writes).await {
                return error.retry_after().unwrap_or_default();
            }
            for some in ids.chunks(AT_ONCE) {
                self.after = some.last().copied();
                let mut sent = JoinSet::new();
                for id in some {
                    sent.spawn(deliver(conductor.clone(), *id));
                }
                let mut refused = None;
                while let Some(delivered) = sent.join_next().await {
                    // A panic of one delivery, which the hook has reported, does not end the outbox.
                    refused = refused.max(delivered.ok().flatten());
                }
                if let Some(pause) = refused {
                    return pause;
                }
            }
        }
        Duration::ZERO
    }
}

/// Dispatches one run. `Some` means that a layer rejected, and is the time to wait.
async fn deliver(conductor: Arc<Conductor>, id: RunId) -> Option<Duration> {
    // `None`: a request is dispatching the run now.
    let _claim = conductor.claims.claim(id)?;
    // Read again under the claim: the page may be older than the request that has just dispatched the run.
    // Without this read the run is sent twice, which the key makes harmless but which moves `settled_at`.
    let run = match conductor.reads.call(Query::Get(id)).await {
        Ok(Reply::Found(run)) if run.status == Status::Queued => *run,
        // The store has logged a run that cannot be read. The other runs can still be dispatched.
        Ok(_) | Err(StoreError::Unreadable(_)) => return None,
        Err(error) => return Some(error.retry_after().unwrap_or_default()),
    };
    match conductor.send(&run.into()).await {
        // Dispatched, but the new status could not be written: let the writer recover.
        Ok(run) if run.status == Status::Queued => Some(Duration::ZERO),
        Ok(run) => {
            conductor
                .metrics
                .counter("conductor_outbox_dispatched_total", &[])
                .increment(1);
            tracing::debug!(run = %run.id, status = run.status.as_str(), "left the outbox");
            None
        }
        // A failure of the peer may concern this run only: go on with the next one.
        Err(error) => error
            .layer()
            .map(|_| error.retry_after().unwrap_or_default()),
    }
}

// === impl Claims ===

impl Claims {
    /// Claims a run; `None` if it is claimed already.
    pub(crate) fn claim(&self, id: RunId) -> Option<Claim<'_>> {
        // `then`, not `then_some`: the argument of `then_some` is built even if the insert fails, and dropping that
        // claim takes the lock that this expression still holds. It deadlocked under load.
        self.held
            .lock()
            .insert(id)
            .then(|| Claim { claims: self, id })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.claims.held.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_exclusive_until_dropped() {
        let (claims, id) = (Claims::default(), RunId::new());
        let held = claims.claim(id);
        assert!(held.is_some());
        assert!(claims.claim(id).is_none());
        assert!(claims.claim(id).is_none());
        drop(held);
        assert!(claims.claim(id).is_some());
    }
}
