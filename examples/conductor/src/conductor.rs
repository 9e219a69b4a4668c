//! What the service does with runs, free of HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;
use maestro_circuit_breaker::State;
use maestro_slo_budget::{ErrorBudget, Gate};

use crate::cache::{CacheError, CacheQuery, Copied};
use crate::controls::Controls;
use crate::dependency::Dependency;
use crate::dispatch::DispatchError;
use crate::metrics::Metrics;
use crate::outbox::Claims;
use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId, Status};
use crate::spec::RunSpec;
use crate::store::{Query, Reply, StoreError};

/// The dependencies and what watches over them. One a server.
pub(crate) struct Conductor {
    pub(crate) writes: Dependency<Query, Reply, StoreError>,
    pub(crate) reads: Dependency<Query, Reply, StoreError>,
    pub(crate) cache: Dependency<CacheQuery, Option<Copied>, CacheError>,
    pub(crate) dispatch: Dependency<Arc<Run>, (), DispatchError>,
    pub(crate) claims: Claims,
    pub(crate) budget: ErrorBudget,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
    pub(crate) fresh_for: Duration,
    /// Runs that the outbox found queued when it last looked.
    pub(crate) queued: AtomicU32,
}

/// What became of a run that a client sent.
#[derive(Debug)]
pub(crate) enum Accepted {
    Dispatched(Arc<Run>),
    /// Stored; the outbox will bring it to the dispatch API.
    Queued(Arc<Run>, NotYet),
    /// This key was used for the same run before; this is how that one stands.
    Known(Box<Run>),
    /// This key was used for another run.
    Conflict(RunId),
}

/// Why a run was not dispatched at once.
#[derive(Debug)]
pub(crate) struct NotYet {
    pub(crate) why: String,
    /// The layer of ours that held it back, if one did.
    pub(crate) layer: Option<Layer>,
}

/// A run as it could be read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) run: Run,
    /// A copy from the cache, shown because the store does not answer.
    pub(crate) stale: bool,
}

impl Conductor {
    /// Keeps a run, and brings it to the dispatch API if that can be done now.
    ///
    /// # Errors
    /// It is not kept, as far as we know: the store refused, or did not say yes in time. (In that
    /// last case it may have been kept; it is then dispatched like any other.)
    pub(crate) async fn accept(
        &self,
        spec: RunSpec,
        client_key: Option<String>,
    ) -> Result<Accepted, StoreError> {
        let run = Arc::new(Run::new(spec, client_key));
        let _claim = self.claims.claim(run.id);
        if let Reply::Found(known) = self.writes.call(Query::Insert(run.clone())).await? {
            let same = known.spec == run.spec;
            let conflict = Accepted::Conflict(known.id);
            return Ok(if same {
                Accepted::Known(known)
            } else {
                conflict
            });
        }
        // From here on the run is accepted, and nothing that happens below may say otherwise.
        match self.send(&run).await {
            Ok(run) if run.status != Status::Queued => Ok(Accepted::Dispatched(run)),
            Ok(run) => {
                let why = "dispatched, but that is not yet written down".to_owned();
                Ok(Accepted::Queued(run, NotYet { why, layer: None }))
            }
            Err(error) => {
                self.copy(&run).await;
                let (why, layer) = (error.to_string(), error.layer());
                Ok(Accepted::Queued(run, NotYet { why, layer }))
            }
        }
    }

    /// Brings a kept run to the dispatch API and writes down that it is there. When the writing
    /// fails the run stays queued: it is delivered again, and the peer knows its key.
    pub(crate) async fn send(&self, run: &Arc<Run>) -> Result<Arc<Run>, DispatchError> {
        let status = match self.dispatch.call(run.clone()).await {
            Ok(()) => Status::Dispatched,
            Err(DispatchError::Refused(_)) => Status::Refused,
            Err(error) => return Err(error),
        };
        let at = Timestamp::now();
        let written = self
            .writes
            .call(Query::Settle {
                id: run.id,
                status,
                at,
            })
            .await;
        let run = match written {
            Ok(_) => Arc::new(run.settled(status, at)),
            Err(error) => {
                tracing::warn!(run = %run.id, %error, "dispatched, but still queued in the store");
                run.clone()
            }
        };
        self.copy(&run).await;
        Ok(run)
    }

    /// Reads a run: from the cache if the copy is fresh, else from the store, else an old copy.
    ///
    /// # Errors
    /// The store does not answer and there is no copy.
    pub(crate) async fn find(&self, id: RunId) -> Result<Option<Found>, StoreError> {
        // A cache that does not answer is a cache that knows nothing.
        let copied = self.cache.call(CacheQuery::Get(id)).await.ok().flatten();
        if let Some(copied) = &copied
            && copied.is_fresh(self.fresh_for)
        {
            return Ok(Some(Found {
                run: copied.run.clone(),
                stale: false,
            }));
        }
        match (self.reads.call(Query::Get(id)).await, copied) {
            (Ok(Reply::Found(run)), _) => {
                self.copy(&run).await;
                Ok(Some(Found {
                    run: *run,
                    stale: false,
                }))
            }
            (Ok(_), _) => Ok(None),
            (Err(_), Some(copied)) => Ok(Some(Found {
                run: copied.run,
                stale: true,
            })),
            (Err(error), None) => Err(error),
        }
    }

    /// Newest first, older than `before`.
    pub(crate) async fn list(
        &self,
        limit: u32,
        before: Option<RunId>,
    ) -> Result<Vec<Run>, StoreError> {
        match self.reads.call(Query::List { limit, before }).await? {
            Reply::Runs(runs) => Ok(runs),
            _ => Ok(Vec::new()),
        }
    }

    /// The shared objects of all stacks, in the order a run meets them.
    pub(crate) fn controls(&self) -> [&Controls; 4] {
        [
            self.writes.controls(),
            self.reads.controls(),
            self.cache.controls(),
            self.dispatch.controls(),
        ]
    }

    /// Every breaker closed.
    pub(crate) fn is_closed(&self) -> bool {
        let closed = |controls: &Controls| controls.breaker.state() == State::Closed;
        self.controls().into_iter().all(closed)
    }

    /// Every breaker closed and the gate open.
    pub(crate) fn is_well(&self) -> bool {
        self.is_closed() && self.slo().is_open()
    }

    /// Sets every gauge to what is so now.
    pub(crate) fn report(&self) {
        for controls in self.controls() {
            controls.report(&self.metrics);
        }
        self.metrics
            .gauge("conductor_outbox_queued", &[])
            .set(self.queued.load(Relaxed));
        self.slo().report(&self.metrics);
    }

    /// Puts a copy into the cache, if that can be done.
    async fn copy(&self, run: &Run) {
        let _ = self
            .cache
            .call(CacheQuery::Put(Box::new(run.clone())))
            .await;
    }
}
