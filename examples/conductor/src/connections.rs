//! The accept loop: connections are bounded in number and in time.
//!
//! It is written over hyper because `axum::serve` has none of these limits. A connection that sends no request, half a
//! head, or reads no response costs a descriptor for as long as its client likes; some dozens of them keep everybody out,
//! and one of them takes the whole drain at shutdown. Here:
//!
//! - the head of a request must be whole within a limit, which begins when the connection becomes idle;
//! - a response that the client does not read ends the connection;
//! - above the largest number of connections, the one that has been idle for the longest time is closed. A
//!   connection with a request in service is never closed for another one. One whose client is slow to read a response
//!   is: otherwise clients that read a byte now and then would keep everybody out;
//! - at shutdown, only requests in service are waited for; a response that is being written has two more seconds.

mod idle;
mod paced;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{Counter, Gauge};
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use self::idle::{Idle, Line};
use self::paced::Paced;
use crate::config::Config;
use crate::metrics::Metrics;

/// Descriptors that are not for clients: the store's files, and connections to the dispatch API, which are two each if
/// that API is in this process.
const RESERVED: u64 = 64;
/// The largest head of a request, in bytes. hyper's default of 400 KiB for each connection would be 400 MB for all.
const HEAD: usize = 32 * 1024;
/// How long a connection without a request in service may last after shutdown has begun. A request that is on its way
/// still arrives.
const GRACE: Duration = Duration::from_millis(500);
/// How many times as long its client may take to read a response. A client that reads slowly would otherwise decide how
/// long the shutdown takes, and whether it fails.
const GRACES: u32 = 4;
/// How long a client may take to notice that the service has closed its half of the connection. Closing both at once
/// makes the kernel send a reset if the client is still sending, and the reset can overtake the response.
const LINGER: Duration = Duration::from_secs(1);
/// The wait after a failed accept: the process has no free descriptor until a connection ends.
const EXHAUSTED: Duration = Duration::from_millis(20);

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    most: usize,
    head: Duration,
    stalled: Duration,
}

// === impl Limits ===

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let most = files.saturating_sub(RESERVED).max(files / 4).max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if most < config.connections {
            tracing::warn!(
                most,
                files,
                "the limit of open files lowers that of connections"
            );
        }
        Self {
            most: most.min(config.connections),
            head: config.head,
            stalled: config.stalled,
        }
    }
}

/// The figures of connections.
pub(crate) struct Figures {
    open: Gauge,
    /// Connections that were told to close for another one.
    displaced: Counter,
}

// === impl Figures ===

impl Figures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            open: metrics.gauge("conductor_http_connections", &[]),
            displaced: metrics.counter("conductor_http_connections_displaced_total", &[]),
        }
    }
}

/// Serves until `stop` is true, then waits for the requests in service.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    figures: Figures,
    mut stop: watch::Receiver<bool>,
) {
    let idle = Arc::new(Idle::default());
    let mut connections = JoinSet::new();
    // A connection that was accepted above the limit, and waits for its place.
    let mut next = None;
    loop {
        if next.is_some() && connections.len() >= limits.most {
            if idle.close_oldest() {
                figures.displaced.increment(1);
            }
        } else if let Some(stream) = next.take() {
            let line = Line::new(idle.clone());
            connections.spawn(answer(stream, routes.clone(), limits, line, stop.clone()));
        }
        let open = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        figures.open.set(open);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => {}
            // A connection that has become idle can be closed.
            () = idle.came(), if next.is_some() => {}
            stream = accept(&listener, &idle), if next.is_none() => next = Some(stream),
        }
    }
    drop((listener, next));
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, idle: &Idle) -> TcpStream {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
        // The process has no free descriptor, or the client has gone.
        let _: bool = idle.close_oldest();
        sleep(EXHAUSTED).await;
    }
}

async fn answer(
    stream: TcpStream,
    routes: Router,
    limits: Limits,
    line: Line,
    mut stop: watch::Receiver<bool>,
) {
    // An answer is one small segment; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Paced::new(stream, limits.stalled, line.clone()));
    let requests = line.clone();
    let service = service_fn(move |request| {
        let response = routes.clone().oneshot(request);
        let served = requests.serve();
        Box::pin(async move {
            let response = response.await;
            // Every body is in memory, so hyper takes it with the head, and `Paced` knows whether it is being written.
            drop(served);
            response
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD)
        // A client may close its half of the connection after its request.
        .half_close(true)
        .serve_connection(io, service);
    let mut stopping = false;
    loop {
        if stopping {
            Pin::new(&mut connection).graceful_shutdown();
        }
        tokio::select! {
            // An error is the client's: it has gone, is too slow, or speaks no HTTP.
            _ = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break,
            () = line.closed() => return,
            _ = stop.wait_for(|stop| *stop), if !stopping => stopping = true,
            () = quiet(&line), if stopping => return,
        }
    }
    // Also after an error: the refusal of a malformed head must arrive although the client goes on sending.
    if !stopping {
        let stream = connection.into_parts().io.into_inner().into_inner();
        tokio::select! {
            () = linger(stream) => {}
            () = line.closed() => {}
        }
    }
}

/// Returns when no request is in service and no response is being written, or a client takes too long to read one.
async fn quiet(line: &Line) {
    let mut idle = 0;
    while idle < GRACES {
        sleep(GRACE).await;
        if line.is_quiet() {
            return;
        }
        idle = if line.is_idle() { idle + 1 } else { 0 };
    }
}

/// Closes our half, and reads until the client has closed its own.
async fn linger(mut stream: TcpStream) {
    let closed = async {
        let mut rest = [0; 4096];
        if stream.shutdown().await.is_ok() {
            while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        }
    };
    let _ = timeout(LINGER, closed).await;
}
