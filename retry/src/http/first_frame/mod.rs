//! Failures of a gRPC response before its first message.
//!
//! A response commits its caller once a message has been given on. Until then the call can be tried again. So the layer
//! holds back the head of a response whose code is still to come, until the first frame of its body tells whether there
//! is a message.

mod body;
mod future;
mod service;

use std::{fmt, marker::PhantomData};

use http::Response;
use tower_layer::{Layer, Stack};

pub use self::{body::FirstFrameBody, future::FirstFrameFuture, service::FirstFrameService};
use crate::{
    hedge::HedgeLayer,
    http::HttpReplay,
    layer::{RetryLayer, Source},
};

/// Holds back the head of a gRPC response until the first frame of its body, so that a [`RetryLayer`] around it sees what
/// fails before the first message. Feature `http`.
///
/// Best made by [`RetryLayer::until_first_frame`]. Made by hand, it belongs directly beneath the retry layer, or with an
/// attempt timeout between the two, so that the wait for the frame is bounded.
///
/// It acts on responses with a gRPC content type, a status of 2xx and no `grpc-status` in their head, to requests that may
/// be repeated. All others pass at once and unchanged: server-sent events, gRPC-Web, calls that stream their requests. What
/// it does when the first frame comes:
///
/// | the body begins with | the response | [`RetryHttp`](crate::RetryHttp) sees |
/// |---|---|---|
/// | data | is given on with that frame in front of the rest, without empty frames before it | a success |
/// | trailers with a code other than 0 | has the trailers in its head, and an empty body ("trailers only") | the code, and a pushback |
/// | trailers with code 0 | is given on as it was | a success |
/// | an error | is given on with that error in front of the rest | an error, which is retried |
/// | its end, or trailers without a code | is given on as it was | code 2, unknown |
///
/// A trailer that is moved to the head replaces a header of that name, except those that say how to read the message, such as
/// `content-length`, which are left out. Nothing is buffered beyond the one frame, and nothing
/// is allocated unless the response has failed.
///
/// The head of a streaming response comes with the first message. Leave methods whose first message may take long, such
/// as those that watch for changes, out of the requests that may be repeated: see
/// [`RetryPolicy::grpc`](crate::RetryPolicy::grpc).
///
/// The body is moved after it was polled, so it must be [`Unpin`]. The bodies of hyper, tonic and axum are; put any other,
/// such as one with a timer, in a `http_body_util::combinators::BoxBody` beneath this layer. The compiler infers `M`, which
/// says in what way a rejection is seen in the error type of the body: see [`MayReject`](crate::MayReject).
pub struct FirstFrameLayer<M = ()> {
    replay: HttpReplay,
    errors: PhantomData<fn() -> M>,
}

/// What the first frame told of a response without messages, where the head does not say it. In the extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMessage {
    /// The body failed.
    Failed,
    /// The body failed with the rejection of a layer further in.
    Rejected,
    /// The body ended without a code.
    NoCode,
}

// === impl RetryLayer ===

impl<P: Source<Replay = HttpReplay>, M> RetryLayer<P, M> {
    /// Lets the policy see what fails in gRPC responses before the first message: codes in trailers behind the head, and
    /// bodies that break off. Feature `http`.
    ///
    /// A [`FirstFrameLayer`] beneath this layer waits for the first frame of gRPC responses to requests that the policy may
    /// repeat. No other response is touched.
    ///
    /// An attempt timeout inside ends at the head of a response, not at the frame. To bound the wait for the frame as well,
    /// use a timeout for bodies inside, with its bodies in a box, or put the attempt timeout between the retry layer and a
    /// [`FirstFrameLayer`] made by hand.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, Request, Response};
    /// use http_body_util::{BodyExt, Empty};
    /// use maestro_retry::{AttemptNumber, Backoff, RetryLayer, RetryPolicy};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let policy = RetryPolicy::builder().backoff(Backoff::none()).build()?.grpc(|_| true);
    /// let server = service_fn(async |request: Request<Empty<&[u8]>>| {
    ///     let code = if AttemptNumber::of(&request).get() < 3 { "14" } else { "5" };
    ///     let trailers = HeaderMap::from_iter([("grpc-status".parse()?, HeaderValue::from_static(code))]);
    ///     let body = Empty::<&[u8]>::new().with_trailers(async { Some(Ok(trailers)) });
    ///     let response = Response::builder().header("content-type", "application/grpc");
    ///     Ok::<_, http::header::InvalidHeaderName>(response.body(Box::pin(body)).unwrap())
    /// });
    /// let client = RetryLayer::new(policy).until_first_frame().layer(server);
    /// let response = client.oneshot(Request::post("/shop.Items/Get").body(Empty::new())?).await?;
    /// assert_eq!(response.headers()["grpc-status"], "5", "the third attempt found out");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn until_first_frame<N>(self) -> Stack<FirstFrameLayer<N>, Self> {
        Stack::new(FirstFrameLayer::of(&self), self)
    }
}

// === impl HedgeLayer ===

impl<P: Source<Replay = HttpReplay>, H, W, M> HedgeLayer<P, H, W, M> {
    /// [`RetryLayer::until_first_frame`], beneath the hedges: an attempt whose first message is slow is hedged too, and one
    /// that fails before its first message leaves the answer to the other. Feature `http`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_retry::{Hedge, RetryLayer, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder().build()?.grpc(|path| path == "/shop.Items/Get");
    /// let layer = RetryLayer::new(policy)
    ///     .hedge(Hedge::after(Duration::from_millis(50)).build()?)
    ///     .until_first_frame();
    /// # use {http::{Request, Response}, http_body_util::Empty};
    /// # let service = tower::service_fn(async |_: Request<Empty<&[u8]>>| {
    /// #     Ok::<_, std::io::Error>(Response::new(Empty::<&[u8]>::new()))
    /// # });
    /// # let _ = tower::util::Oneshot::new(tower::Layer::layer(&layer, service), Request::default());
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    #[must_use]
    pub fn until_first_frame<N>(self) -> Stack<FirstFrameLayer<N>, Self> {
        Stack::new(FirstFrameLayer::of(self.retry()), self)
    }
}

// === impl FirstFrameLayer ===

impl<M> FirstFrameLayer<M> {
    /// A layer that acts on the responses to requests that `replay` may repeat. Give it what the policy has.
    #[must_use]
    pub const fn new(replay: HttpReplay) -> Self {
        Self {
            replay,
            errors: PhantomData,
        }
    }

    fn of<P: Source<Replay = HttpReplay>, N>(retry: &RetryLayer<P, N>) -> Self {
        Self::new(*retry.policy().policy().engine().replayer())
    }
}

impl<S, M> Layer<S> for FirstFrameLayer<M> {
    type Service = FirstFrameService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        FirstFrameService::new(inner, self.replay)
    }
}

// Not derived: that would ask for `M: Clone`.
impl<M> Clone for FirstFrameLayer<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for FirstFrameLayer<M> {}

impl<M> fmt::Debug for FirstFrameLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FirstFrameLayer")
            .field(&self.replay)
            .finish()
    }
}

// === impl NoMessage ===

impl NoMessage {
    pub(super) fn of<B>(response: &Response<B>) -> Option<Self> {
        response.extensions().get().copied()
    }
}
