//! The accept loop.
//!
//! It is written by hand because closing the peer must also close its connections. Clients keep connections in a
//! pool and would not notice a closed listener while these last.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Fault;

/// The largest number of connections: more than the dispatch bulkhead opens. The descriptors are those of the service.
const MOST: usize = 64;
/// The time limit of the head of a request, and of an idle connection.
const HEAD: Duration = Duration::from_secs(30);

/// The port: listening, or only bound.
///
/// A bound socket that does not listen refuses connections exactly as a free port does. A free port, however, could be
/// assigned to another process, or to the client that connects to it (a self-connect).
enum Port {
    Open(TcpListener),
    Kept(TcpSocket),
    Lost,
}

pub(super) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    routes: Router,
    mut wanted: watch::Receiver<Fault>,
    applied: watch::Sender<Fault>,
) {
    let mut port = Port::Open(listener);
    let mut connections = JoinSet::new();
    loop {
        let fault = *wanted.borrow_and_update();
        if fault == Fault::Closed {
            port = port.close(address);
            connections.shutdown().await;
        } else {
            port = port.open(address);
        }
        applied.send_replace(fault);
        loop {
            tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                stream = port.accept(), if connections.len() < MOST => {
                    connections.spawn(answer(stream, routes.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    let service = TowerToHyperService::new(routes);
    // An error means that the client has closed the connection.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

// === impl Port ===

impl Port {
    fn close(self, address: SocketAddr) -> Self {
        match self {
            Self::Open(listener) => {
                drop(listener);
                bind(address).map_or(Self::Lost, Self::Kept)
            }
            other => other,
        }
    }

    fn open(self, address: SocketAddr) -> Self {
        let listen = |socket: TcpSocket| socket.listen(1024).map_or(Self::Lost, Self::Open);
        match self {
            Self::Open(listener) => Self::Open(listener),
            Self::Kept(socket) => listen(socket),
            Self::Lost => bind(address).map_or(Self::Lost, listen),
        }
    }

    async fn accept(&self) -> TcpStream {
        let Self::Open(listener) = self else {
            return std::future::pending().await;
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // The client has gone, or the process has no free descriptor: wait for others to finish.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
