//! The errors of starting and stopping: one line each, with the remedy.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::SchemaError;

/// Why the service could not start, or could not stop in time.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct StartError(#[from] pub(crate) Cause);

#[derive(Debug, Error)]
pub(crate) enum Cause {
    #[error(
        "{0} is in use: stop what listens there, or choose another with --listen ADDRESS:PORT (CONDUCTOR_LISTEN; port 0 takes a free one)"
    )]
    InUse(SocketAddr),
    #[error(
        "cannot listen on {0}: {1}; choose another with --listen ADDRESS:PORT (CONDUCTOR_LISTEN)"
    )]
    Listen(SocketAddr, #[source] io::Error),
    #[error(
        "{0} can be reached from other hosts, and the API has no authentication: everybody who reaches it could store and read runs; listen on 127.0.0.1 behind a proxy that checks who asks, or allow it with --allow-remote (CONDUCTOR_ALLOW_REMOTE)"
    )]
    Exposed(SocketAddr),
    #[error("cannot use the database {}: {reason}; see that its directory exists and can be written, or choose another with --database FILE (CONDUCTOR_DATABASE)", path.display())]
    Database { path: PathBuf, reason: SchemaError },
    #[error(
        "the peer in this process cannot listen on 127.0.0.1: {0}; name another dispatch API with --peer http://HOST:PORT (CONDUCTOR_PEER)"
    )]
    Peer(#[source] io::Error),
    #[error("a stack cannot be built: {0}")]
    Config(String),
    #[error(
        "some requests did not finish within {0} s of being told to stop; raise --drain-seconds (CONDUCTOR_DRAIN_SECONDS)"
    )]
    Drain(u64),
    #[error("the listener failed: {0}")]
    Serve(#[source] io::Error),
    #[error(
        "{0} ended unexpectedly, so the service stops; start it again (the log has the reason)"
    )]
    Ended(&'static str),
}

impl Cause {
    pub(crate) fn config(error: impl std::fmt::Display) -> Self {
        Self::Config(error.to_string())
    }

    pub(crate) fn listen(address: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            _ => Self::Listen(address, error),
        }
    }
}
