//! A dispatch API in this process: a real listener on loopback whose faults can be switched.

mod book;
mod listener;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::Uri;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use self::book::Book;

/// How the peer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No fault.
    None,
    /// The listener and every connection are closed. New connections are refused.
    Closed,
    /// Connections are accepted and requests are not answered.
    Stalled,
    /// Every response is a 500.
    Failing,
}

/// The peer. Dropping it ends it.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    book: Arc<Book>,
    fault: watch::Sender<Fault>,
    /// The fault that the listener has applied.
    applied: watch::Receiver<Fault>,
    task: AbortHandle,
}

impl Peer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let book = Arc::new(Book::default());
        let (fault, wanted) = watch::channel(Fault::None);
        let (apply, applied) = watch::channel(Fault::None);
        let routes = book::routes(book.clone(), wanted.clone());
        let task = tokio::spawn(listener::serve(listener, address, routes, wanted, apply));
        Ok(Self {
            address,
            book,
            fault,
            applied,
            task: task.abort_handle(),
        })
    }

    /// Its address: `http://127.0.0.1:port`.
    ///
    /// # Panics
    /// Never: an address is a valid authority.
    #[must_use]
    pub fn url(&self) -> Uri {
        format!("http://{}", self.address)
            .parse()
            .expect("an address is a valid authority")
    }

    /// Sets the fault, and returns when it is applied.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        // An error means that the listener has ended, and with it every connection.
        let _ = self.applied.clone().wait_for(|now| *now == fault).await;
    }

    /// Returns when the listener has ended.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut applied = self.applied.clone();
        async move { while applied.changed().await.is_ok() {} }
    }

    /// The number of different runs that it has taken.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.book.keys()
    }

    /// The number of deliveries with this idempotency key. All but the first are repeats.
    #[must_use]
    pub fn deliveries(&self, key: &str) -> u32 {
        self.book.deliveries(key)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
