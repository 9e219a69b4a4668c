use tower_layer::Layer;

use crate::{BodyService, Bulkhead, BulkheadLayer, Ignore, IntoError};

/// Puts an HTTP service behind a bulkhead whose place is held until the response body ends or is dropped.
///
/// Made by [`BulkheadLayer::until_body_end`]. For responses that stream: the work, and the connection it needs, ends
/// with the body and not with the head. It changes the type of the response body, never that of the error.
#[derive(Clone, Copy, Debug)]
pub struct BodyLayer<C = Ignore, R = IntoError, B = Bulkhead>(BulkheadLayer<C, R, B>);

impl<C, R, B> BulkheadLayer<C, R, B> {
    /// Holds the place until the response body ends or is dropped, and not only until the response is there.
    ///
    /// The classifier sees the response as ever, when its head is there. What it says is passed on when the body has ended, so
    /// that an adaptive limit learns the latency of the whole; a body that fails or is dropped before its end says nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use http_body_util::Full as Whole;
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let files = Bulkhead::builder().limit(2).build("files")?;
    /// let mut service = ServiceBuilder::new()
    ///     .layer(BulkheadLayer::new(files.clone()).until_body_end())
    ///     .service(service_fn(async |_: http::Request<()>| {
    ///         Ok::<_, Full>(http::Response::new(Whole::new(&b"a large file"[..])))
    ///     }));
    /// let response = service.ready().await?.call(http::Request::new(())).await?;
    /// assert_eq!(files.in_flight(), 1);
    /// drop(response);
    /// assert_eq!(files.in_flight(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn until_body_end(self) -> BodyLayer<C, R, B> {
        BodyLayer(self)
    }
}

impl<S, C: Clone, R: Clone, B: Clone> Layer<S> for BodyLayer<C, R, B> {
    type Service = BodyService<S, C, R, B>;

    fn layer(&self, inner: S) -> Self::Service {
        let BulkheadLayer {
            classifier,
            reject,
            guard,
        } = self.0.clone();
        BodyService::new(inner, classifier, reject, guard)
    }
}
