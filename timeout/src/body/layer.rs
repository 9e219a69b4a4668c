use tokio::time::Instant;
use tower_layer::Layer;

use super::{BodyTimeout, BodyTimeoutService};
use crate::{
    layer::{Answer, DeadlineWith, IntoError, NoDeadline},
    types::Elapsed,
};

/// Bounds the phases of each HTTP response: its head, and its body to the end.
///
/// The body of the response becomes a [`TimeoutBody`](super::TimeoutBody) with the error type
/// [`BodyError`](super::BodyError). The error type of the service stays. A late head is answered as by a
/// [`TimeoutLayer`](crate::TimeoutLayer). A late body ends with an error, because its head has been sent.
///
/// `R` answers calls whose head was late, `D` reads the deadline of a request.
///
/// # Layers above
///
/// The layers above see a `Response<TimeoutBody<B>>`. Answers with a body of any type that has a `Default`, such as
/// `Elapsed::http_response`, fit if `B` has one. An answer with axum's own `Response` does not: the compiler expects a
/// `TimeoutBody` and finds `axum::body::Body`. Then turn the response into axum's, in the line above this layer:
///
/// ```ignore
/// ServiceBuilder::new()
///     .layer(TimeoutLayer::new(limit).on_reject(|_| Ok("later".into_response())))
///     .map_response(IntoResponse::into_response) // axum::response::IntoResponse
///     .layer(BodyTimeoutLayer::new(limits).on_reject(Elapsed::http_response))
/// ```
///
/// Without axum, `.map_response(|response: Response<_>| response.map(Body::new))` does the same with another boxed body.
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
/// let elapsed = Elapsed::find(&error).expect("the body elapsed");
/// assert_eq!((elapsed.phase(), elapsed.after()), (Phase::Idle, Duration::from_secs(5)));
/// assert!(body.frame().await.is_none(), "the inner body is dropped");
/// # }
/// ```
#[doc(alias = "ResponseBodyTimeoutLayer")]
#[derive(Clone, Debug)]
pub struct BodyTimeoutLayer<R = IntoError, D = NoDeadline> {
    pub(super) timeout: BodyTimeout,
    pub(super) reject: R,
    pub(super) deadline: D,
}

impl BodyTimeoutLayer {
    /// Creates a layer for `timeout`.
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
    /// Answers calls whose head was late with `f(elapsed)`: a 504, or an error of another type. The error type
    /// of the service then needs no `From<Elapsed>`. The answer has a body of the inner service's type, without
    /// limits.
    ///
    /// For HTTP, `Elapsed::http_response` and `Elapsed::grpc_response` are such answers, in one word. **An
    /// answer is an `Ok`**: to a layer further out whose classifier does not read responses it is a success of the
    /// service. There use `.http()` or `.grpc()`, which read these answers.
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

    /// Reads the deadline of each request. It bounds the head and the whole body. `None` is no deadline. A call
    /// whose deadline has passed is not made.
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
        BodyTimeoutService::new(inner, self.clone())
    }
}
