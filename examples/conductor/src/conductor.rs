//! What the service does with runs, without HTTP.
//!
//! An accepted run is not lost. The response is sent after one INSERT has been committed (WAL, `synchronous =
//! FULL`). The queue is `status = 'queued'` in the same table, so there is no second place to keep consistent. A run is
//! delivered at least once, with its id as idempotency key; the dispatch API removes duplicates. "Dispatched" is
//! written after the API has answered, so a crash in between causes one repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;
use maestro_bulkhead::Bulkhead;
use maestro_circuit_breaker::State;
use maestro_slo_budget::{ErrorBudget, Gate};

use crate::cache::{CacheError, CacheQuery, Copied, Memory};
use crate::controls::Controls;
use crate::dependency::Dependency;
use crate::dispatch::DispatchError;
use crate::metrics::Metrics;
use crate::outbox::Claims;
use crate::readiness::Readiness;
use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId, Status};
use crate::spec::RunSpec;
use crate::store::{Page, Query, Reply, StoreError, Unreadable};

/// The dependencies, the budget, the gate and the metrics of a server.
pub(crate) struct Conductor {
    pub(crate) writes: Dependency<Query, Reply, StoreError>,
    pub(crate) reads: Dependency<Query, Reply, StoreError>,
    pub(crate) lists: Dependency<Query, Reply, StoreError>,
    pub(crate) cache: Dependency<CacheQuery, Option<Copied>, CacheError>,
    pub(crate) dispatch: Dependency<Arc<Run>, (), DispatchError>,
    pub(crate) claims: Claims,
    pub(crate) readiness: Readiness,
    /// The cache without its stack, for its size.
    pub(crate) memory: Memory,
    /// The rows of the store that cannot be read.
    pub(crate) unreadable: Arc<Unreadable>,
    /// The runs that are stored and dispatched at once, requests only.
    pub(crate) admission: Bulkhead,
    pub(crate) budget: ErrorBudget,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
    pub(crate) fresh_for: Duration,
    /// The number of queued runs when the outbox last counted them.
    pub(crate) queued: AtomicU32,
}

/// The outcome of a run that a client sent.
#[derive(Debug)]
pub(crate) enum Accepted {
    Dispatched(Arc<Run>),
    /// Stored; the outbox will dispatch it.
    Queued(Arc<Run>, NotYet),
    /// The key was used before for the same run, which is this one.
    Known(Box<Run>),
    /// The key was used for another run.
    Conflict(RunId),
}

/// Why a run was not dispatched at once.
#[derive(Debug)]
pub(crate) struct NotYet {
    pub(crate) why: String,
    /// The layer that rejected the dispatch, if one did.
    pub(crate) layer: Option<Layer>,
}

/// A run that was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) run: Run,
    /// The run is a copy from the cache, because the store does not answer.
    pub(crate) stale: bool,
}

impl Conductor {
    /// Stores a run and tries to dispatch it.
    ///
    /// # Errors
    /// The store failed, or did not confirm in time. In the second case the run may have been stored, and is then
    /// dispatched like any other.
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
        // The run is accepted. No error below may be returned to the client.
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

    /// Dispatches a stored run and writes its new status. If the write fails, the run stays queued and is delivered
    /// again; the peer knows its key.
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

    /// Reads a run: from the cache if the copy is fresh, else from the store, else returns an old copy.
    ///
    /// # Errors
    /// The store does not answer and there is no copy.
    pub(crate) async fn find(&self, id: RunId) -> Result<Option<Found>, StoreError> {
        // An error of the cache is a miss.
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

    /// Lists runs older than `before`, newest first. The page is bounded in bytes and may be shorter than `limit`.
    pub(crate) async fn list(
        &self,
        limit: u32,
        before: Option<RunId>,
    ) -> Result<Page<Run>, StoreError> {
        match self.lists.call(Query::List { limit, before }).await? {
            Reply::Runs(page) => Ok(page),
            _ => Ok(Page::default()),
        }
    }

    /// The shared objects of all stacks, in the order in which a run uses them.
    pub(crate) fn controls(&self) -> [&Controls; 5] {
        [
            self.writes.controls(),
            self.reads.controls(),
            self.lists.controls(),
            self.cache.controls(),
            self.dispatch.controls(),
        ]
    }

    /// Whether every breaker is closed.
    pub(crate) fn is_closed(&self) -> bool {
        let closed = |controls: &Controls| controls.breaker.state() == State::Closed;
        self.controls().into_iter().all(closed)
    }

    /// Whether every breaker is closed and the gate is open.
    pub(crate) fn is_well(&self) -> bool {
        self.is_closed() && self.slo().is_open()
    }

    /// Sets every gauge to its current value.
    pub(crate) fn report(&self) {
        for controls in self.controls() {
            controls.report(&self.metrics);
        }
        self.metrics
            .gauge("conductor_outbox_queued", &[])
            .set(self.queued.load(Relaxed));
        let gauge = |name, value| {
            self.metrics
                .gauge(name, &[])
                .set(u32::try_from(value).unwrap_or(u32::MAX));
        };
        let size = |size| u64::try_from(size).unwrap_or(u64::MAX);
        gauge(
            "conductor_admission_in_flight",
            size(self.admission.in_flight()),
        );
        gauge("conductor_admission_queued", size(self.admission.queued()));
        self.metrics
            .counter("conductor_admission_refused_total", &[])
            .absolute(self.admission.rejections());
        gauge("conductor_cache_bytes", self.memory.bytes());
        gauge(
            "conductor_store_unreadable_rows",
            u64::from(self.unreadable.rows()),
        );
        self.slo().report(&self.metrics);
    }

    /// Puts a copy into the cache. Errors are ignored.
    async fn copy(&self, run: &Run) {
        let _ = self
            .cache
            .call(CacheQuery::Put(Box::new(run.clone())))
            .await;
    }
}
