//! A bulkhead with a queue in front of it.

mod deadline;
mod future;
mod service;
mod wait_budget;
mod waiter;

use std::num::NonZeroU32;

use tokio::time::Instant;
use tower_layer::Layer;

#[cfg(feature = "http-body")]
use crate::layer::AtBodyEnd;
use crate::{
    bulkhead::Bulkhead,
    config::Queue,
    layer::{
        Answer, AtHead, BulkheadLayer, ClassifyWith, Fallback, IntoError, OkIsSuccess, OverloadIf,
        Weighted,
    },
    types::{Full, Outcome},
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
pub struct QueueLayer<C = OkIsSuccess, R = IntoError, D = NoDeadline, B = Bulkhead, E = AtHead> {
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
    /// As [`BulkheadLayer::overload_if`], which may also come before [`queue`](BulkheadLayer::queue).
    #[must_use]
    pub fn overload_if<Res, Err, F>(self, f: F) -> QueueLayer<OverloadIf<F>, R, D, B, E>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.map(|bulkhead| bulkhead.overload_if(f))
    }

    /// As [`BulkheadLayer::classify`], which may also come before [`queue`](BulkheadLayer::queue).
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> QueueLayer<ClassifyWith<F>, R, D, B, E>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        self.map(|bulkhead| bulkhead.classify(f))
    }

    /// As [`BulkheadLayer::classifier`], which may also come before [`queue`](BulkheadLayer::queue).
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> QueueLayer<C2, R, D, B, E> {
        self.map(|bulkhead| bulkhead.classifier(classifier))
    }

    /// As [`BulkheadLayer::on_reject`], which may also come before [`queue`](BulkheadLayer::queue).
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> QueueLayer<C, Answer<F>, D, B, E>
    where
        F: Fn(Full) -> Result<Res, Err> + Clone,
    {
        self.map(|bulkhead| bulkhead.on_reject(f))
    }

    /// As [`BulkheadLayer::fallback`], which may also come before [`queue`](BulkheadLayer::queue).
    #[must_use]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> QueueLayer<C, Fallback<F>, D, B, E>
    where
        F: Fn(Full, Req) -> Result<Res, Err> + Clone,
    {
        self.map(|bulkhead| bulkhead.fallback(f))
    }

    fn map<C2, R2, E2>(
        self,
        f: impl FnOnce(BulkheadLayer<C, R, B, E>) -> BulkheadLayer<C2, R2, B, E2>,
    ) -> QueueLayer<C2, R2, D, B, E2> {
        QueueLayer {
            bulkhead: f(self.bulkhead),
            queue: self.queue,
            deadline: self.deadline,
        }
    }

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

    /// Makes a call take as many places as `f` says of its request, as [`BulkheadLayer::weight`] does.
    #[must_use]
    pub fn weight<Req, F>(self, f: F) -> QueueLayer<C, R, D, Weighted<B, F>, E>
    where
        F: Fn(&Req) -> NonZeroU32 + Clone,
    {
        QueueLayer {
            bulkhead: self.bulkhead.weight(f),
            queue: self.queue,
            deadline: self.deadline,
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
        self.map(BulkheadLayer::until_body_end)
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
