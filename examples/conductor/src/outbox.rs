//! The outbox: whatever is stored and not dispatched is dispatched in the end, after a restart too.
//!
//! The queue *is* the store (`status = 'queued'`). A run is delivered at least once; its id is the
//! idempotency key, so the dispatch API takes it once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::conductor::Conductor;
use crate::rejection::Fault;
use crate::run::{RunId, Status};
use crate::store::{Query, Reply};

/// Runs read at once.
const PAGE: u32 = 64;
/// Runs on their way at once: a quarter of the bulkhead, so that new runs find room beside old ones.
const AT_ONCE: usize = 4;

/// Who is dispatching what. Only saves needless repeats: correctness is the peer's idempotency.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    held: Mutex<HashSet<RunId>>,
}

/// A run that nobody else dispatches while this is alive.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    claims: &'a Claims,
    id: RunId,
}

/// Looks for queued runs until told to stop.
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
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// A way through the queue, from the oldest run to the youngest. It is taken up where it was broken
/// off, so that a few runs that the peer cannot digest do not keep all others waiting.
#[derive(Debug, Default)]
struct Round {
    after: Option<RunId>,
}

impl Round {
    /// Brings what is queued to the dispatch API until the round is complete, or a layer refuses; then
    /// says how long that one wants to be left alone.
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
            let runs = match conductor.reads.call(page).await {
                Ok(Reply::Runs(runs)) => runs,
                Ok(_) => Vec::new(),
                Err(error) => return error.retry_after().unwrap_or_default(),
            };
            if runs.is_empty() {
                self.after = None;
                return Duration::ZERO;
            }
            for some in runs.chunks(AT_ONCE) {
                self.after = some.last().map(|run| run.id);
                let mut sent = JoinSet::new();
                for run in some {
                    sent.spawn(deliver(conductor.clone(), run.id));
                }
                let mut refused = None;
                while let Some(delivered) = sent.join_next().await {
                    // A panic, already reported, ends one delivery and not the outbox.
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

/// One run. `Some` is how long to leave a stack alone whose layer has refused.
async fn deliver(conductor: Arc<Conductor>, id: RunId) -> Option<Duration> {
    // Claimed: a request is at it this very moment.
    let _claim = conductor.claims.claim(id)?;
    // Read again under the claim: the request that had it a moment ago may have dispatched it.
    let run = match conductor.reads.call(Query::Get(id)).await {
        Ok(Reply::Found(run)) if run.status == Status::Queued => *run,
        Ok(_) => return None,
        Err(error) => return Some(error.retry_after().unwrap_or_default()),
    };
    match conductor.send(&run.into()).await {
        // Dispatched, but that could not be written down: leave the writer alone for a while.
        Ok(run) if run.status == Status::Queued => Some(Duration::ZERO),
        Ok(run) => {
            conductor
                .metrics
                .counter("conductor_outbox_dispatched_total", &[])
                .increment(1);
            tracing::debug!(run = %run.id, status = run.status.as_str(), "left the outbox");
            None
        }
        // The peer's own failure may be this run's alone: on to the next.
        Err(error) => error
            .layer()
            .map(|_| error.retry_after().unwrap_or_default()),
    }
}

// === impl Claims ===

impl Claims {
    pub(crate) fn claim(&self, id: RunId) -> Option<Claim<'_>> {
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
    fn a_claim_is_held_by_one_and_free_when_dropped() {
        let (claims, id) = (Claims::default(), RunId::new());
        let held = claims.claim(id);
        assert!(held.is_some());
        assert!(claims.claim(id).is_none());
        assert!(claims.claim(id).is_none());
        drop(held);
        assert!(claims.claim(id).is_some());
    }
}
