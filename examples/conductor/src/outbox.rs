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
use crate::run::{Run, RunId, Status};
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
    loop {
        let pause = pass(&conductor).await.unwrap_or_default().max(interval);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Brings what is queued to the dispatch API until nothing is, or until a stack refuses; then says
/// how long that stack wants to be left alone.
async fn pass(conductor: &Arc<Conductor>) -> Option<Duration> {
    let mut after = None;
    loop {
        if let Ok(Reply::Count(queued)) = conductor.reads.call(Query::CountQueued).await {
            conductor.queued.store(queued, Relaxed);
        }
        let runs = match conductor
            .reads
            .call(Query::Queued { limit: PAGE, after })
            .await
        {
            Ok(Reply::Runs(runs)) => runs,
            Ok(_) => return None,
            Err(error) => return error.retry_after(),
        };
        after = Some(runs.last()?.id);
        for some in runs.chunks(AT_ONCE) {
            let mut sent = JoinSet::new();
            for run in some.iter().cloned() {
                sent.spawn(deliver(conductor.clone(), run));
            }
            for outcome in sent.join_all().await {
                if let Err(pause) = outcome {
                    return Some(pause);
                }
            }
        }
    }
}

/// One run. The error is how long to wait before the next.
async fn deliver(conductor: Arc<Conductor>, run: Run) -> Result<(), Duration> {
    // Claimed: a request is at it this very moment.
    let Some(_claim) = conductor.claims.claim(run.id) else {
        return Ok(());
    };
    match conductor.send(&run.into()).await {
        // Dispatched, but that could not be written down: leave the writer alone for a while.
        Ok(run) if run.status == Status::Queued => Err(Duration::ZERO),
        Ok(run) => {
            conductor
                .metrics
                .counter("conductor_outbox_dispatched_total", &[])
                .increment(1);
            tracing::debug!(run = %run.id, status = run.status.as_str(), "left the outbox");
            Ok(())
        }
        Err(error) => Err(error.retry_after().unwrap_or_default()),
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
