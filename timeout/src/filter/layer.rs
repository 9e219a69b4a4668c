use tokio::time::Instant;
use tower_layer::Layer;

use crate::{
    Answer, DeadlineFilter, DeadlineFilterService, DeadlineWith, Elapsed, IntoError, NoDeadline,
};

/// Rejects requests whose deadline has passed, as its [`DeadlineFilter`] says.
///
/// Stand it where requests come in, outside of all that costs: it can reject only what has not begun. And give
/// no [`TimeoutLayer`](crate::TimeoutLayer) inside it the same deadline, if what has expired is to be
/// served beyond the share or in dark mode: a timeout makes no call whose deadline has passed.
///
/// `R` answers rejected requests, `D` knows the deadline of a request.
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

impl DeadlineFilterLayer {
    /// A layer over `filter`. It does nothing until it knows [`deadline`](Self::deadline)s.
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
    /// Reads from each request the instant until which its answer is of use. `None` is no deadline.
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

    /// Answers rejected requests with `f(elapsed)`: a 504, an error made by hand. The error type then needs
    /// no `From<Elapsed>`.
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
        DeadlineFilterService::new(
            inner,
            self.filter.clone(),
            self.reject.clone(),
            self.deadline.clone(),
        )
    }
}
