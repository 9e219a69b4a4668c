use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use super::DeadlineFilter;
use crate::{
    deadline::Deadline,
    layer::{Answer, CallOrAnswer, DeadlineOf, DeadlineWith, IntoError, NoDeadline, OnReject},
    types::Elapsed,
};

/// Rejects requests whose deadline has passed, as decided by its [`DeadlineFilter`].
///
/// Put it where requests arrive, outside of everything that costs. If expired requests are to be served (beyond
/// the share, or in dark mode), do not give the same deadline to a [`TimeoutLayer`](crate::TimeoutLayer) inside:
/// a timeout makes no call whose deadline has passed.
///
/// `R` answers rejected requests, `D` reads the deadline of a request.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{Deadline, DeadlineFilter, DeadlineFilterLayer, Elapsed};
/// use tower::{Service, ServiceBuilder, service_fn};
///
/// struct Order { id: u32, deadline: Deadline }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let filter = DeadlineFilter::new("orders");
/// let mut orders = ServiceBuilder::new()
///     .layer(DeadlineFilterLayer::new(filter.clone()).deadline(|order: &Order| order.deadline.at()))
///     .service(service_fn(async |order: Order| Ok::<_, Elapsed>(order.id)));
/// assert_eq!(orders.call(Order { id: 7, deadline: Deadline::NEVER }).await, Ok(7));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeadlineFilterLayer<R = IntoError, D = NoDeadline> {
    filter: DeadlineFilter,
    reject: R,
    deadline: D,
}

/// A service whose expired requests are rejected. Created by [`DeadlineFilterLayer`].
///
/// `poll_ready` is that of the inner service. A rejected request does not call the inner service, which stays
/// ready for the next one.
#[derive(Clone, Debug)]
pub struct DeadlineFilterService<S, R = IntoError, D = NoDeadline> {
    inner: S,
    layer: DeadlineFilterLayer<R, D>,
}

// === impl DeadlineFilterLayer ===

impl DeadlineFilterLayer {
    /// Creates a layer for `filter`. It rejects nothing until [`deadline`](Self::deadline) is set.
    #[must_use]
    pub fn new(filter: DeadlineFilter) -> Self {
        Self {
            filter,
            reject: IntoError,
            deadline: NoDeadline,
        }
    }
}

impl<R, D> DeadlineFilterLayer<R, D> {
    /// Reads the deadline of each request. `None` is no deadline.
    #[must_use]
    pub fn deadline<Req, F>(self, f: F) -> DeadlineFilterLayer<R, DeadlineWith<F>>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        DeadlineFilterLayer {
            filter: self.filter,
            reject: self.reject,
            deadline: DeadlineWith(f),
        }
    }

    /// Answers rejected requests with `f(elapsed)`: a 504, or an error of another type. The error type of the
    /// service then needs no `From<Elapsed>`.
    ///
    /// For HTTP, `Elapsed::http_response` and `Elapsed::grpc_response` (feature `http`) are such answers, in one word. **An
    /// answer is an `Ok`**: to a layer further out whose classifier does not read responses it is a success of the
    /// service. There use `.http()` or `.grpc()`, which read these answers.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> DeadlineFilterLayer<Answer<F>, D>
    where
        F: Fn(Elapsed) -> Result<Res, Err> + Clone,
    {
        DeadlineFilterLayer {
            filter: self.filter,
            reject: Answer(f),
            deadline: self.deadline,
        }
    }
}

impl<S, R: Clone, D: Clone> Layer<S> for DeadlineFilterLayer<R, D> {
    type Service = DeadlineFilterService<S, R, D>;

    fn layer(&self, inner: S) -> Self::Service {
        let layer = self.clone();
        DeadlineFilterService { inner, layer }
    }
}

// === impl DeadlineFilterService ===

impl<S, R, D, Req> Service<Req> for DeadlineFilterService<S, R, D>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error>,
    D: DeadlineOf<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CallOrAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let deadline = Deadline::from(self.layer.deadline.deadline_of(&request));
        match self.layer.filter.check(deadline) {
            Ok(()) => CallOrAnswer::calling(self.inner.call(request)),
            Err(elapsed) => CallOrAnswer::answered(self.layer.reject.on_reject(elapsed)),
        }
    }
}
