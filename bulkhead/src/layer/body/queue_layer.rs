use tower_layer::Layer;

use crate::{Bulkhead, Ignore, IntoError, NoDeadline, QueueBodyService, QueueLayer};

/// Puts an HTTP service behind a bulkhead with a queue, whose places are held until the response body ends or is dropped.
///
/// Made by [`QueueLayer::until_body_end`]: what [`QueueLayer`] is for the wait, and [`BodyLayer`](crate::BodyLayer)
/// for the place.
#[derive(Clone, Copy, Debug)]
pub struct QueueBodyLayer<C = Ignore, R = IntoError, D = NoDeadline, B = Bulkhead>(
    QueueLayer<C, R, D, B>,
);

impl<C, R, D, B> QueueLayer<C, R, D, B> {
    /// Holds the place until the response body ends or is dropped, as
    /// [`BulkheadLayer::until_body_end`](crate::BulkheadLayer::until_body_end) does. The last step, after [`deadline`](Self::deadline).
    ///
    /// The wait is bounded as it was; how long a body takes is the caller's to bound.
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
    #[must_use]
    pub const fn until_body_end(self) -> QueueBodyLayer<C, R, D, B> {
        QueueBodyLayer(self)
    }
}

impl<S, C: Clone, R: Clone, D: Clone, B: Clone> Layer<S> for QueueBodyLayer<C, R, D, B> {
    type Service = QueueBodyService<S, C, R, D, B>;

    fn layer(&self, inner: S) -> Self::Service {
        QueueBodyService::new(self.0.layer(inner))
    }
}
