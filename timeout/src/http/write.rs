use std::{
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use super::{InExtensions, TimeHeader};
use crate::{
    deadline::Deadline,
    layer::{DeadlineOf, DeadlineWith},
};

/// For clients: writes the time left into a header of each request that has a deadline.
///
/// The deadline is the one in the extensions, or the one that [`deadline`](Self::deadline) reads. A header with
/// a shorter time keeps that time. The header of a request without a deadline stays as it is. Put the layer inside
/// the retry, so that each attempt writes the time left at its start.
///
/// A request whose time is over is sent with the shortest time that the header can say. Put a
/// [`TimeoutLayer`](crate::TimeoutLayer) with the same deadline outside, and it is not sent.
///
/// `D` reads the deadline of a request.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use maestro_timeout::{Deadline, TimeHeader, WriteDeadlineLayer};
/// use std::{convert::Infallible, time::Duration};
/// use tower::{Service, ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Infallible> {
/// let mut client = ServiceBuilder::new()
///     .layer(WriteDeadlineLayer::new(TimeHeader::grpc_timeout()).reserve(Duration::from_millis(5)))
///     .service(service_fn(async |request: Request<()>| {
///         Ok::<_, Infallible>(request.headers()["grpc-timeout"].clone())
///     }));
///
/// let mut request = Request::new(());
/// Deadline::after(Duration::from_millis(100)).insert_into(request.extensions_mut());
/// assert_eq!(client.call(request).await?, "95000000n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WriteDeadlineLayer<D = InExtensions> {
    header: TimeHeader,
    reserve: Duration,
    deadline: D,
}

/// A service that writes the time left into its requests. Created by [`WriteDeadlineLayer`].
#[derive(Clone, Debug)]
pub struct WriteDeadlineService<S, D = InExtensions> {
    inner: S,
    layer: WriteDeadlineLayer<D>,
}

// === impl WriteDeadlineLayer ===

impl WriteDeadlineLayer {
    /// Creates a layer that writes `header` from the deadline in the extensions of a request.
    #[must_use]
    pub const fn new(header: TimeHeader) -> Self {
        Self {
            header,
            reserve: Duration::ZERO,
            deadline: InExtensions,
        }
    }
}

impl<D> WriteDeadlineLayer<D> {
    /// Keeps `time` for the work after the call. The peer is told the time left minus `time`.
    #[must_use]
    pub fn reserve(self, time: Duration) -> Self {
        Self {
            reserve: time,
            ..self
        }
    }

    /// Reads the deadline of each request by a closure instead of from its extensions. `None` is no deadline.
    #[must_use]
    pub fn deadline<Req, F>(self, f: F) -> WriteDeadlineLayer<DeadlineWith<F>>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        WriteDeadlineLayer {
            header: self.header,
            reserve: self.reserve,
            deadline: DeadlineWith(f),
        }
    }
}

impl<S, D: Clone> Layer<S> for WriteDeadlineLayer<D> {
    type Service = WriteDeadlineService<S, D>;

    fn layer(&self, inner: S) -> Self::Service {
        WriteDeadlineService {
            inner,
            layer: self.clone(),
        }
    }
}

// === impl WriteDeadlineService ===

impl<S, D, B> Service<Request<B>> for WriteDeadlineService<S, D>
where
    S: Service<Request<B>>,
    D: DeadlineOf<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let WriteDeadlineLayer {
            header,
            reserve,
            deadline,
        } = &self.layer;
        if let Some(at) = deadline.deadline_of(&request) {
            let left = Deadline::from(at).reserve(*reserve).remaining();
            // A malformed header is replaced.
            let said = header.read(request.headers()).ok().flatten();
            // Written anew even if the shorter time was said: a peer may read `0` as no limit, and a fraction
            // as malformed.
            let left = said.map_or(left, |said| left.min(said));
            header.write(left, request.headers_mut());
        }
        self.inner.call(request)
    }
}
