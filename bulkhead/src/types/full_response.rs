//! HTTP responses that stand for a [`Full`].

use http::{Response, StatusCode};

use super::{Cause, Full, response::Answer};

const UNAVAILABLE: u16 = 14;
const RESOURCE_EXHAUSTED: u16 = 8;

impl Full {
    /// The HTTP response 503 with an empty body, for code that makes responses of errors, such as axum's `IntoResponse`.
    /// Feature `http`.
    ///
    /// `Retry-After` is [`retry_after`](Self::retry_after). `x-envoy-overloaded: true` tells a proxy that another attempt
    /// makes it worse; it is absent if the bulkhead is closed, because another instance may have room.
    ///
    /// The response carries the `Full` in its extensions, so that a classifier further out, such as that of a circuit
    /// breaker, sees that the service was not asked. It allocates for that, as every response with headers does.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use maestro_bulkhead::{Bulkhead, Full};
    /// # trait IntoResponse { fn into_response(self) -> Response<String>; }
    ///
    /// enum StoreError {
    ///     Full(Full),
    ///     NotFound,
    /// }
    ///
    /// // That of axum, whose `Response` is a `Response<Body>`.
    /// impl IntoResponse for StoreError {
    ///     fn into_response(self) -> Response<String> {
    ///         match self {
    ///             Self::Full(full) => full.to_http_response(),
    ///             Self::NotFound => StatusCode::NOT_FOUND.into_response(),
    ///         }
    ///     }
    /// }
    /// # impl IntoResponse for StatusCode {
    /// #     fn into_response(self) -> Response<String> {
    /// #         Response::builder().status(self).body(String::new()).unwrap()
    /// #     }
    /// # }
    ///
    /// let pool = Bulkhead::builder().limit(1).build("postgres")?;
    /// let _held = pool.try_acquire()?;
    /// let full = pool.try_acquire().unwrap_err();
    /// let response = StoreError::Full(full).into_response();
    /// assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse()?));
    /// # assert_eq!(StoreError::NotFound.into_response().status(), 404);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_http_response<B: Default>(&self) -> Response<B> {
        self.clone()
            .answer(StatusCode::SERVICE_UNAVAILABLE, 0)
            .http()
    }

    fn answer(self, status: StatusCode, grpc_code: u16) -> Answer<Self> {
        Answer {
            status,
            grpc_code,
            message: "too many calls at once",
            retry_after: self.retry_after(),
            is_overload: self.cause() != Cause::Closed,
            error: self,
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "each is a function as `on_reject` takes it"
)]
impl Full {
    /// [`to_http_response`](Self::to_http_response) as an answer, for [`on_reject`](crate::BulkheadLayer::on_reject).
    /// Feature `http`.
    ///
    /// # Errors
    ///
    /// None. The answer is a `Result` because that of [`on_reject`](crate::BulkheadLayer::on_reject) is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
    /// use std::convert::Infallible;
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Bulkhead::builder().limit(1).build("postgres")?;
    /// let mut service = ServiceBuilder::new()
    ///     .layer(BulkheadLayer::new(pool.clone()).http().on_reject(Full::http_response))
    ///     .service(service_fn(async |_: Request<()>| {
    ///         Ok::<_, Infallible>(Response::new(String::from("a row")))
    ///     }));
    /// let _held = pool.try_acquire()?;
    /// let refused = service.ready().await?.call(Request::new(())).await?;
    /// assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.to_http_response())
    }

    /// The gRPC response with code 14 (unavailable), for [`on_reject`](crate::BulkheadLayer::on_reject). Feature `http`.
    ///
    /// `grpc-retry-pushback-ms` is [`retry_after`](Self::retry_after). The rest is as in
    /// [`to_http_response`](Self::to_http_response).
    ///
    /// # Errors
    ///
    /// None.
    pub fn grpc_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.answer(StatusCode::OK, UNAVAILABLE).grpc())
    }

    /// The HTTP response 429, for a bulkhead that bounds the share of one caller: a family by tenant. Feature `http`.
    ///
    /// The rest is as in [`to_http_response`](Self::to_http_response). Its form in gRPC is
    /// [`resource_exhausted`](Self::resource_exhausted).
    ///
    /// # Errors
    ///
    /// None.
    pub fn too_many_requests<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.answer(StatusCode::TOO_MANY_REQUESTS, 0).http())
    }

    /// The gRPC response with code 8 (resource exhausted), for a bulkhead that bounds the share of one caller: a family by
    /// tenant. Feature `http`.
    ///
    /// The rest is as in [`grpc_response`](Self::grpc_response).
    ///
    /// # Errors
    ///
    /// None.
    pub fn resource_exhausted<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.answer(StatusCode::OK, RESOURCE_EXHAUSTED).grpc())
    }
}
