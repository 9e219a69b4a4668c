//! The service as one value: it starts, listens, and shuts down without losing requests.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::task::Poll;
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
use crate::{api, connections, slo, stacks, watch as watcher};

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
    /// The tasks that run until `stop` is true. The first one serves.
    tasks: Vec<Task>,
    config: Config,
}

/// A task and its name in errors.
struct Task {
    name: &'static str,
    handle: JoinHandle<()>,
}

/// The task that accepts connections and serves them.
const SERVING: &str = "the listener";

impl Server {
    /// Starts the service. It listens when this returns.
    ///
    /// # Errors
    /// One line that says what is wrong and what to do.
    ///
    /// # Panics
    /// If the process cannot start three threads.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let exposed = !config.listen.ip().to_canonical().is_loopback();
        if exposed && !config.allow_remote {
            return Err(Cause::Exposed(config.listen).into());
        }
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
        let (conductor, store, closing) = assemble(&config, &target)?;
        let conductor = Arc::new(conductor);
        let (stop, stopped) = watch::channel(false);
        let routes = api::routes(conductor.clone(), &config);
        let limits = connections::Limits::new(&config);
        let figures = connections::Figures::new(&conductor.metrics);
        let mut tasks = vec![
            Task::start(
                SERVING,
                connections::serve(listener, routes, limits, figures, stopped.clone()),
            ),
            Task::start(
                "the outbox",
                outbox::drain(conductor.clone(), config.outbox, stopped.clone()),
            ),
            Task::start(
                "the upkeep of the metrics",
                watcher::fold(conductor.clone(), stopped.clone()),
            ),
            Task::start(
                "a thread of the store",
                until(stopped.clone(), async move { store.ended().await }),
            ),
        ];
        if let Some(peer) = &peer {
            let ended = until(stopped, peer.ended());
            tasks.push(Task::start("the peer in this process", ended));
        }
        tracing::info!(%address, "listening");
        if exposed {
            tracing::warn!(%address, "other hosts can reach this API, which has no authentication");
        }
        Ok(Self {
            address,
            conductor,
            closing,
            peer,
            stop,
            tasks,
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

    /// Returns when a task of the service ends although nothing has told it to. The service then no longer works as a
    /// whole, so the process must end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn failed(&mut self) -> StartError {
        let name = poll_fn(|cx| {
            let mut tasks = self.tasks.iter_mut();
            match tasks.position(|task| Pin::new(&mut task.handle).poll(cx).is_ready()) {
                Some(at) => Poll::Ready(self.tasks.remove(at).name),
                None => Poll::Pending,
            }
        })
        .await;
        Cause::Ended(name).into()
    }

    /// Accepts no more connections, waits for the requests in flight, and closes the store.
    ///
    /// # Errors
    /// Some requests took longer than the configured drain time. Their connections are closed; accepted runs are
    /// not lost.
    pub async fn shutdown(self) -> Result<(), StartError> {
        tracing::info!("draining");
        self.stop.send_replace(true);
        let (serving, background): (Vec<_>, Vec<_>) = self
            .tasks
            .into_iter()
            .partition(|task| task.name == SERVING);
        let mut late = false;
        for mut task in serving {
            let drained = Deadline::after(self.config.drain).run(&mut task.handle);
            // The end of the task closes its connections.
            late = drained.await.is_err();
            task.handle.abort();
        }
        for task in background {
            // The task has been told to stop; the stacks' timeouts bound what it still does.
            let _ = task.handle.await;
        }
        if late {
            return Err(Cause::Drain(self.config.drain.as_secs()).into());
        }
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

// === impl Task ===

impl Task {
    fn start(name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            name,
            handle: tokio::spawn(work),
        }
    }
}

/// Returns when `ended` is ready, or `stop` is true.
async fn until(mut stopped: watch::Receiver<bool>, ended: impl Future<Output = ()>) {
    tokio::select! {
        () = ended => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

fn assemble(config: &Config, peer: &Uri) -> Result<(Conductor, Sqlite, Closing), Cause> {
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
        lists: stacks::lists("store-list", store.clone(), &config.lists, &metrics)?,
        cache: stacks::cache(memory.clone(), &config.cache, &metrics)?,
        dispatch: stacks::dispatch(client, &config.dispatch, &metrics)?,
        claims: Claims::default(),
        readiness: Readiness::default(),
        memory,
        unreadable,
        admission: config.admission.build("admission").map_err(Cause::config)?,
        budget,
        gate,
        metrics,
        fresh_for: config.fresh_for,
        queued: AtomicU32::new(0),
    };
    Ok((conductor, store, closing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_any_task_is_a_failure_of_the_server() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            database: directory.path().join("conductor.db"),
            ..Config::default()
        };
        config.listen.set_port(0);
        let mut names = Vec::new();
        let mut server = Server::start(config).await.unwrap();
        while !server.tasks.is_empty() {
            let task = server.tasks.last().unwrap();
            names.push(task.name);
            task.handle.abort();
            let failed = server.failed().await.to_string();
            assert!(failed.contains(names.last().unwrap()), "{failed}");
        }
        server.shutdown().await.unwrap();
        assert_eq!(names.len(), 5);
        assert!(names.contains(&SERVING));
    }

    #[tokio::test]
    async fn the_end_of_the_peer_is_a_failure_of_the_server() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            database: directory.path().join("conductor.db"),
            ..Config::default()
        };
        config.listen.set_port(0);
        let mut server = Server::start(config).await.unwrap();
        drop(server.peer.take());
        let failed = server.failed().await.to_string();
        assert!(failed.contains("peer"), "{failed}");
    }
}
