//! A dependency that is down.

use std::{
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use maestro_circuit_breaker::{CircuitBreaker, Wait};
use tokio::net::TcpSocket;

use crate::server::Server;

/// Longer than any response on loopback takes, also on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A breaker that opens at the second failure and stays open for the rest of a test.
pub(crate) fn breaker(name: &'static str) -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(Wait::fixed(LONG))
        .build(name)
        .expect("two failures are legal")
}

/// A port that refuses connections. It stays bound, so that no other process gets it.
pub(crate) fn refusing() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(any).expect("loopback has a free port");
    (socket.local_addr().expect("it is bound"), socket)
}

impl Server {
    /// A port that refuses connections until the runtime of its test ends.
    pub(crate) fn refusing() -> Self {
        let (address, bound) = refusing();
        tokio::spawn(async move {
            let _bound = bound;
            pending::<()>().await;
        });
        Self::at(address)
    }
}
