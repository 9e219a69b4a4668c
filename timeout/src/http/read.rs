use std::{
    any::type_name,
    fmt,
    task::{Context, Poll},
};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::{Malformed, TimeHeader};
use crate::{deadline::Deadline, layer::CallOrAnswer};

/// For servers: reads the time left from a header, and inserts the [`Deadline`] into the extensions of the
/// request. It does not lengthen a deadline that is there already.
///
/// Put it outside of the layers that read the deadline. `M` handles malformed headers.
///
/// # Examples
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use maestro_timeout::{Deadline, ReadDeadlineLayer, TimeHeader, TimeoutLayer, in_extensions};
/// use std::{convert::Infallible, time::Duration};
/// use tower::{Service, ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Infallible> {
/// let mut service = ServiceBuilder::new()
///     .layer(ReadDeadlineLayer::new(TimeHeader::grpc_timeout()).refuse(|malformed| {
///         let mut answer = Response::new(malformed.to_string());
///         *answer.status_mut() = StatusCode::BAD_REQUEST;
///         Ok(answer)
///     }))
///     .layer(
///         TimeoutLayer::new(Duration::from_secs(30))
///             .deadline(in_extensions)
///             .on_reject(|elapsed| {
///                 let mut answer = Response::new(elapsed.to_string());
///                 *answer.status_mut() = StatusCode::GATEWAY_TIMEOUT;
///                 Ok(answer)
///             }),
///     )
///     .service(service_fn(async |request: Request<()>| {
///         let left = Deadline::from_extensions(request.extensions()).remaining();
///         Ok::<_, Infallible>(Response::new(format!("{left:?} left")))
///     }));
///
/// let mut request = Request::new(());
/// request.headers_mut().insert("grpc-timeout", "2S".parse().unwrap());
/// assert_eq!(service.call(request).await?.body(), "2s left");
///
/// let mut request = Request::new(());
/// request.headers_mut().insert("grpc-timeout", "two seconds".parse().unwrap());
/// assert_eq!(service.call(request).await?.status(), StatusCode::BAD_REQUEST);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReadDeadlineLayer<M = Ignore> {
    header: TimeHeader,
    on_malformed: M,
}

/// A service whose requests carry the deadline of their header. Created by [`ReadDeadlineLayer`].
#[derive(Clone, Debug)]
pub struct ReadDeadlineService<S, M = Ignore> {
    inner: S,
    layer: ReadDeadlineLayer<M>,
}

/// Handles a request whose header is malformed.
///
/// You rarely name it. [`Ignore`] is the default, and [`refuse`](ReadDeadlineLayer::refuse) takes a closure.
pub trait OnMalformed<Res, Err> {
    /// Returns the answer; `None` to treat the header as missing and to make the call.
    fn on_malformed(&self, malformed: Malformed) -> Option<Result<Res, Err>>;
}

/// The default: a malformed header is treated as missing. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and create"
)]
pub struct Ignore;

/// Answers in place of the service. Created by [`refuse`](ReadDeadlineLayer::refuse).
#[derive(Clone, Copy)]
pub struct Refuse<F>(F);

// === impl ReadDeadlineLayer ===

impl ReadDeadlineLayer {
    /// Creates a layer that reads `header`, and that treats a malformed one as missing.
    #[must_use]
    pub const fn new(header: TimeHeader) -> Self {
        Self {
            header,
            on_malformed: Ignore,
        }
    }
}

impl<M> ReadDeadlineLayer<M> {
    /// Answers requests whose header is malformed with `f(malformed)`: a 400, or an error of another type.
    #[must_use]
    pub fn refuse<Res, Err, F>(self, f: F) -> ReadDeadlineLayer<Refuse<F>>
    where
        F: Fn(Malformed) -> Result<Res, Err> + Clone,
    {
        ReadDeadlineLayer {
            header: self.header,
            on_malformed: Refuse(f),
        }
    }
}

impl<S, M: Clone> Layer<S> for ReadDeadlineLayer<M> {
    type Service = ReadDeadlineService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadDeadlineService {
            inner,
            layer: self.clone(),
        }
    }
}

// === impl ReadDeadlineService ===

impl<S, M, B> Service<Request<B>> for ReadDeadlineService<S, M>
where
    S: Service<Request<B>>,
    M: OnMalformed<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CallOrAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.layer.header.read(request.headers()) {
            Ok(None) => {}
            Ok(Some(left)) => {
                Deadline::after(left).insert_into(request.extensions_mut());
            }
            Err(malformed) => {
                if let Some(answer) = self.layer.on_malformed.on_malformed(malformed) {
                    return CallOrAnswer::answered(answer);
                }
            }
        }
        CallOrAnswer::calling(self.inner.call(request))
    }
}

// === impl OnMalformed ===

impl<Res, Err> OnMalformed<Res, Err> for Ignore {
    fn on_malformed(&self, _: Malformed) -> Option<Result<Res, Err>> {
        None
    }
}

impl<Res, Err, F: Fn(Malformed) -> Result<Res, Err>> OnMalformed<Res, Err> for Refuse<F> {
    fn on_malformed(&self, malformed: Malformed) -> Option<Result<Res, Err>> {
        Some((self.0)(malformed))
    }
}

impl<F> fmt::Debug for Refuse<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refuse({})", type_name::<F>())
    }
}
