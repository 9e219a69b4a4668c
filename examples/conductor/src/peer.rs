//! A dispatch API in this process: a real listener on loopback with a switch that breaks it.

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
    /// It works.
    None,
    /// The listener is closed and every connection cut: connecting is refused.
    Closed,
    /// Connections are taken, and nothing is answered.
    Stalled,
    /// Every request is answered 500.
    Failing,
}

/// The peer. It serves until it is dropped.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    book: Arc<Book>,
    fault: watch::Sender<Fault>,
    /// The fault the listener lives by now.
    applied: watch::Receiver<Fault>,
    task: AbortHandle,
}

impl Peer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is to be had.
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

    /// Where it listens: `http://127.0.0.1:port`.
    ///
    /// # Panics
    /// Never: an address is a valid authority.
    #[must_use]
    pub fn url(&self) -> Uri {
        format!("http://{}", self.address)
            .parse()
            .expect("an address is a valid authority")
    }

    /// Breaks or heals it, and returns when that is so.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        // An error means that the listener is gone, and with it every connection.
        let _ = self.applied.clone().wait_for(|now| *now == fault).await;
    }

    /// How many different runs it has taken.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.book.keys()
    }

    /// How often it has taken the run with this idempotency key. The first time counts, the others
    /// are repeats.
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
