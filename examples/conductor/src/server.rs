//! The service as one value: it starts, listens, and shuts down without losing requests.

use std::fmt;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use http::Uri;
use maestro_timeout::Deadline;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cache::Memory;
use crate::conductor::Conductor;
use crate::config::Config;
use crate::dispatch::HttpDispatch;
use crate::metrics::Metrics;
use crate::outbox::{self, Claims};
use crate::peer::Peer;
use crate::readiness::Readiness;
use crate::start::{Cause, StartError};
use crate::store::{Closing, Sqlite};
use crate::{api, slo, stacks, watch as watcher};

/// The time limit for closing the store: its last statement and the checkpoint of the log. SQLite does at the next
/// start what is not finished by then; nothing is lost.
const CLOSE: Duration = Duration::from_secs(2);

/// A running conductor.
pub struct Server {
    address: SocketAddr,
    conductor: Arc<Conductor>,
    closing: Closing,
    peer: Option<Peer>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    background: Vec<JoinHandle<()>>,
    config: Config,
}

impl Server {
    /// Starts the service. It listens when this returns.
    ///
    /// # Errors
    /// One line that says what is wrong and what to do.
    ///
    /// # Panics
    /// If the process cannot start three threads.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        // The port first: it is the most likely to fail, and nothing has to be closed then.
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.map_err(|error| Cause::listen(config.listen, error))?;
        let address = listener.local_addr().map_err(Cause::Serve)?;
        let peer = match config.peer {
            Some(_) => None,
            None => Some(Peer::start().await.map_err(Cause::Peer)?),
        };
        let target = config.peer.clone().or_else(|| peer.as_ref().map(Peer::url));
        let target = target.expect("one of the two is there");
        let (conductor, closing) = assemble(&config, &target)?;
        let conductor = Arc::new(conductor);
        let (stop, stopped) = watch::channel(false);
        let background = vec![
            tokio::spawn(outbox::drain(
                conductor.clone(),
                config.outbox,
                stopped.clone(),
            )),
            tokio::spawn(watcher::fold(conductor.clone(), stopped.clone())),
        ];
        let routes = api::routes(conductor.clone(), config.request);
        let serving = axum::serve(listener, routes).with_graceful_shutdown(told(stopped));
        let serving = tokio::spawn(serving.into_future());
        tracing::info!(%address, "listening");
        Ok(Self {
            address,
            conductor,
            closing,
            peer,
            stop,
            serving,
            background,
            config,
        })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The dispatch API in this process, if there is one.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    pub(crate) fn conductor(&self) -> &Arc<Conductor> {
        &self.conductor
    }

    /// Accepts no more connections, waits for the requests in flight, and closes the store.
    ///
    /// # Errors
    /// Some requests took longer than the configured drain time. Their connections are closed; accepted runs are
    /// not lost.
    ///
    /// # Panics
    /// If the serving task has panicked.
    pub async fn shutdown(mut self) -> Result<(), StartError> {
        tracing::info!("draining");
        self.stop.send_replace(true);
        let drained = Deadline::after(self.config.drain)
            .run(&mut self.serving)
            .await;
        for task in self.background {
            // The task has been told to stop; the stacks' timeouts bound what it still does.
            let _ = task.await;
        }
        let Ok(served) = drained else {
            self.serving.abort();
            return Err(Cause::Drain(self.config.drain.as_secs()).into());
        };
        served
            .expect("serving does not panic")
            .map_err(Cause::Serve)?;
        // This drops the last handle of the store.
        drop(self.conductor);
        let _ = Deadline::after(CLOSE).run(self.closing.closed()).await;
        tracing::info!("stopped");
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Returns when `stop` is true or its sender is dropped.
async fn told(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn assemble(config: &Config, peer: &Uri) -> Result<(Conductor, Closing), Cause> {
    let opened = Sqlite::open(&config.database, config.busy);
    let (store, closing) = opened.map_err(|reason| Cause::Database {
        path: config.database.clone(),
        reason,
    })?;
    let (memory, unreadable) = (Memory::new(config.cache_bytes), store.unreadable());
    let client = HttpDispatch::new(peer, config.dispatch.attempt.timeout);
    let metrics = Metrics::new();
    let (budget, gate) = slo::build(config)?;
    let conductor = Conductor {
        writes: stacks::store("store-write", store.clone(), &config.writes, &metrics)?,
        reads: stacks::store("store-read", store.clone(), &config.reads, &metrics)?,
        lists: stacks::lists("store-list", store, &config.lists, &metrics)?,
        cache: stacks::cache(memory.clone(), &config.cache, &metrics)?,
        dispatch: stacks::dispatch(client, &config.dispatch, &metrics)?,
        claims: Claims::default(),
        readiness: Readiness::default(),
        memory,
        unreadable,
        budget,
        gate,
        metrics,
        fresh_for: config.fresh_for,
        queued: AtomicU32::new(0),
    };
    Ok((conductor, closing))
}
