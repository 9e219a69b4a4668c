mod deadline;
mod future;
mod service;
mod wait_budget;
mod waiter;

use tokio::time::Instant;
use tower_layer::Layer;

use crate::{Bulkhead, BulkheadLayer, Ignore, IntoError, Queue};

pub use deadline::{DeadlineOf, DeadlineWith, NoDeadline};
pub use future::QueueFuture;
pub use service::QueueService;
pub(crate) use wait_budget::{Bounds, Patience};
pub(crate) use waiter::{Begun, Place, Waiter};

/// Puts a service behind a bulkhead, in front of which calls wait for a while.
///
/// Made by [`BulkheadLayer::queue`]. Its service clones the inner one for each call (`S: Clone`), since it
/// waits in the call's future: first for a place of the bulkhead, then for that clone to be ready. So a
/// caller that waits here holds nothing of the inner service, and one bulkhead's queue never starves another.
///
/// A call without a deadline that finds a place and a ready inner service begins inside `call`, as it does behind a
/// [`BulkheadLayer`]. A panic of the inner `call` then passes through `call`, and the place is free. Every other call
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
pub struct QueueLayer<C = Ignore, R = IntoError, D = NoDeadline, B = Bulkhead> {
    bulkhead: BulkheadLayer<C, R, B>,
    queue: Queue,
    deadline: D,
}

impl<C, R, B> QueueLayer<C, R, NoDeadline, B> {
    pub(crate) const fn new(bulkhead: BulkheadLayer<C, R, B>, queue: Queue) -> Self {
        Self {
            bulkhead,
            queue,
            deadline: NoDeadline,
        }
    }
}

impl<C, R, D, B> QueueLayer<C, R, D, B> {
    /// Bounds the wait by the caller's own deadline, read from the request.
    ///
    /// A call whose deadline has passed, or comes nearer than [`Queue::reserve`], is refused without being
    /// begun, also if there is room: when it comes, and once more when it has its place and the inner service is asked. The instants are tokio's, so that a paused clock drives them (a std one
    /// converts with `.into()`).
    #[must_use]
    pub fn deadline<Req, F>(self, f: F) -> QueueLayer<C, R, DeadlineWith<F>, B>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        QueueLayer {
            bulkhead: self.bulkhead,
            queue: self.queue,
            deadline: DeadlineWith(f),
        }
    }
}

impl<S, C: Clone, R: Clone, D: Clone, B: Clone> Layer<S> for QueueLayer<C, R, D, B> {
    type Service = QueueService<S, C, R, D, B>;

    fn layer(&self, inner: S) -> Self::Service {
        let BulkheadLayer {
            classifier,
            reject,
            guard,
        } = self.bulkhead.clone();
        QueueService::new(
            inner,
            classifier,
            reject,
            self.deadline.clone(),
            guard,
            self.queue,
        )
    }
}
