use tokio::time::Instant;
use tower_layer::Layer;

use super::{BodyTimeout, BodyTimeoutService};
use crate::{Answer, DeadlineWith, Elapsed, IntoError, NoDeadline};

/// Bounds the phases of each HTTP response: its head, and its body to the end.
///
/// The response's body becomes a [`TimeoutBody`](super::TimeoutBody), with an error of its own; the
/// service's error type stays. A head that is late is answered as with a
/// [`TimeoutLayer`](crate::TimeoutLayer); a body that is late ends with an error, as its head has been sent.
///
/// `R` answers calls whose head took too long, `D` knows the deadline of a request.
///
/// # Examples
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::{BodyExt, channel::Channel};
/// use maestro_timeout::{BodyTimeout, BodyTimeoutLayer, Elapsed, Phase};
/// use std::{convert::Infallible, time::Duration};
/// use tower::{Service, ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let limits = BodyTimeout::builder()
///     .headers(Duration::from_secs(1))
///     .idle(Duration::from_secs(5))
///     .whole(Duration::from_secs(60))
///     .build("files");
/// let mut files = ServiceBuilder::new()
///     .layer(BodyTimeoutLayer::new(limits))
///     .service(service_fn(async |_: Request<()>| {
///         let (sender, body) = Channel::<&[u8], Infallible>::new(1);
///         std::mem::forget(sender); // never sends, never closes
///         Ok::<_, Elapsed>(Response::new(body))
///     }));
///
/// let response = files.call(Request::new(())).await.unwrap();
/// let mut body = std::pin::pin!(response.into_body());
/// let error = body.frame().await.expect("an error is a frame").unwrap_err();
/// let elapsed = Elapsed::find(&error).expect("it took too long");
/// assert_eq!((elapsed.phase(), elapsed.after()), (Phase::Idle, Duration::from_secs(5)));
/// assert!(body.frame().await.is_none(), "the inner body is gone");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BodyTimeoutLayer<R = IntoError, D = NoDeadline> {
    timeout: BodyTimeout,
    reject: R,
    deadline: D,
}

impl BodyTimeoutLayer {
    /// A layer over `timeout`.
    #[must_use]
    pub fn new(timeout: BodyTimeout) -> Self {
        Self {
            timeout,
            reject: IntoError,
            deadline: NoDeadline,
        }
    }
}

impl<R, D> BodyTimeoutLayer<R, D> {
    /// Answers calls whose head took too long with `f(elapsed)`: a 504, an error made by hand. The error type
    /// then needs no `From<Elapsed>`. The answer has the body of the inner service, and no limits.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> BodyTimeoutLayer<Answer<F>, D>
    where
        F: Fn(Elapsed) -> Result<Res, Err> + Clone,
    {
        BodyTimeoutLayer {
            timeout: self.timeout,
            reject: Answer(f),
            deadline: self.deadline,
        }
    }

    /// Reads from each request the instant until which its answer is of use, to the last byte: it bounds
    /// the head and the whole body. `None` is no deadline. A call whose deadline has passed is not made.
    #[must_use]
    pub fn deadline<Req, F>(self, f: F) -> BodyTimeoutLayer<R, DeadlineWith<F>>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        BodyTimeoutLayer {
            timeout: self.timeout,
            reject: self.reject,
            deadline: DeadlineWith(f),
        }
    }
}

impl<S, R: Clone, D: Clone> Layer<S> for BodyTimeoutLayer<R, D> {
    type Service = BodyTimeoutService<S, R, D>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyTimeoutService::new(
            inner,
            self.timeout.clone(),
            self.reject.clone(),
            self.deadline.clone(),
        )
    }
}
