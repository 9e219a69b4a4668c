//! A bulkhead with a queue in front of it.

mod deadline;
mod future;
mod service;
mod wait_budget;
mod waiter;

use tokio::time::Instant;
use tower_layer::Layer;

#[cfg(feature = "http-body")]
use crate::layer::AtBodyEnd;
use crate::{
    bulkhead::Bulkhead,
    config::Queue,
    layer::{AtHead, BulkheadLayer, Ignore, IntoError},
};
pub use deadline::{DeadlineOf, DeadlineWith, NoDeadline};
pub use future::QueueFuture;
pub use service::QueueService;

/// Puts a service behind a bulkhead with a queue, in which calls wait for a place.
///
/// Made by [`BulkheadLayer::queue`]. Its service clones the inner one for each call that it does not refuse (`S: Clone`),
/// since the future of the call waits: first for a place of the bulkhead, then for that clone to be ready. A caller that waits holds nothing of the
/// inner service, so the queue of one bulkhead never starves another.
///
/// A call without a deadline that finds a place and a ready inner service begins inside `call`, as it does behind a
/// [`BulkheadLayer`]. A panic of the inner `call` then passes through `call`, and the place is given back. Every other call
/// begins inside its future.
///
/// An inner service that is not `Clone` is refused by the compiler:
///
/// ```compile_fail,E0277
/// # use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, Queue};
/// # use tower::{Layer, Service, util::BoxService};
/// fn is_service(_: impl Service<(), Error = Full>) {}
/// # fn queued(bulkhead: Bulkhead, not_clone: BoxService<(), (), Full>) {
/// let queue = Queue::new(16, std::time::Duration::from_secs(1));
/// is_service(BulkheadLayer::new(bulkhead).queue(queue).layer(not_clone));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct QueueLayer<C = Ignore, R = IntoError, D = NoDeadline, B = Bulkhead, E = AtHead> {
    bulkhead: BulkheadLayer<C, R, B, E>,
    queue: Queue,
    deadline: D,
}

impl<C, R, B, E> QueueLayer<C, R, NoDeadline, B, E> {
    pub(super) const fn new(bulkhead: BulkheadLayer<C, R, B, E>, queue: Queue) -> Self {
        Self {
            bulkhead,
            queue,
            deadline: NoDeadline,
        }
    }
}

impl<C, R, D, B, E> QueueLayer<C, R, D, B, E> {
    /// Bounds the wait by the deadline of the caller, read from the request.
    ///
    /// A call whose deadline has passed, or is nearer than [`Queue::reserve`], is refused and does not begin, even if a place
    /// is free. The deadline is checked when the call arrives, and again before the inner service is asked. The instants are
    /// tokio's, so that a paused clock drives them (a std one converts with `.into()`).
    #[must_use]
    pub fn deadline<Req, F>(self, f: F) -> QueueLayer<C, R, DeadlineWith<F>, B, E>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        QueueLayer {
            bulkhead: self.bulkhead,
            queue: self.queue,
            deadline: DeadlineWith(f),
        }
    }

    /// Holds the place until the response body ends, fails or is dropped, as
    /// [`BulkheadLayer::until_body_end`] does.
    ///
    /// The bounds of the queue apply to the wait. They do not bound the time that a body takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use http_body_util::Full as Whole;
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, Queue};
    /// use std::time::Duration;
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let files = Bulkhead::builder().limit(1).build("files")?;
    /// let queue = Queue::new(16, Duration::from_secs(1));
    /// let mut service = ServiceBuilder::new()
    ///     .layer(BulkheadLayer::new(files.clone()).queue(queue).until_body_end())
    ///     .service(service_fn(async |_: http::Request<()>| {
    ///         Ok::<_, Full>(http::Response::new(Whole::new(&b"a large file"[..])))
    ///     }));
    /// let first = service.call(http::Request::new(())).await?;
    /// let second = tokio::spawn(service.call(http::Request::new(())));
    /// tokio::task::yield_now().await;
    /// assert_eq!((files.in_flight(), files.queued()), (1, 1));
    /// drop(first);
    /// let _second = second.await??;
    /// assert_eq!((files.in_flight(), files.queued()), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn until_body_end(self) -> QueueLayer<C, R, D, B, AtBodyEnd> {
        QueueLayer {
            bulkhead: self.bulkhead.until_body_end(),
            queue: self.queue,
            deadline: self.deadline,
        }
    }
}

impl<S, C: Clone, R: Clone, D: Clone, B: Clone, E> Layer<S> for QueueLayer<C, R, D, B, E> {
    type Service = QueueService<S, C, R, D, B, E>;

    fn layer(&self, inner: S) -> Self::Service {
        QueueService {
            bulkhead: self.bulkhead.layer(inner),
            queue: self.queue,
            deadline: self.deadline.clone(),
        }
    }
}
