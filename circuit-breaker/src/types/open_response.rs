//! The responses that stand for a rejection.

use http::{Response, StatusCode};

use super::{Open, response::Answer};

impl Open {
    /// The HTTP response that stands for this rejection: 503, with a `Retry-After` of the time until
    /// [`retry_at`](Self::retry_at) and an empty body. For code that makes responses of errors, such as axum's
    /// `IntoResponse`. Feature `http`.
    ///
    /// `x-envoy-overloaded: true` tells Envoy, and others that follow its convention, not to retry. The rejection is kept
    /// in the extensions: a classifier further out, such as that of
    /// [`http`](crate::CircuitBreakerLayer::http), sees that the service was not asked. Allocates.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use maestro_circuit_breaker::{CircuitBreaker, Open};
    /// # trait IntoResponse { fn into_response(self) -> Response<String>; }
    ///
    /// enum StoreError {
    ///     Open(Open),
    ///     NotFound,
    /// }
    ///
    /// // That of axum, whose `Response` is a `Response<Body>`.
    /// impl IntoResponse for StoreError {
    ///     fn into_response(self) -> Response<String> {
    ///         match self {
    ///             Self::Open(open) => open.to_http_response(),
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
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let breaker = CircuitBreaker::builder().consecutive_failures(1).build("store")?;
    /// breaker.try_acquire()?.failure();
    /// let open = breaker.try_acquire().unwrap_err();
    /// let response = StoreError::Open(open).into_response();
    /// assert_eq!(response.status(), 503);
    /// assert_eq!(response.headers()["retry-after"], "5");
    /// # assert_eq!(StoreError::NotFound.into_response().status(), 404);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to_http_response<B: Default>(&self) -> Response<B> {
        self.clone().answer().http()
    }

    /// [`to_http_response`](Self::to_http_response) in the form of an answer of the service, for
    /// [`on_reject`](crate::CircuitBreakerLayer::on_reject). Feature `http`.
    ///
    /// # Errors
    ///
    /// None: `E` is the error type of the service.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
    /// use std::convert::Infallible;
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let breaker = CircuitBreaker::builder().consecutive_failures(1).build("prices")?;
    /// let mut prices = ServiceBuilder::new()
    ///     .layer(CircuitBreakerLayer::new(breaker.clone()).http().on_reject(Open::http_response))
    ///     .service(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new()))));
    ///
    /// breaker.try_acquire()?.failure();
    /// let response = prices.ready().await?.call(Request::new(())).await?;
    /// assert_eq!(response.status(), 503);
    /// assert_eq!(response.headers()["retry-after"], "5");
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::unnecessary_wraps, reason = "the type of an answer")]
    pub fn http_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.to_http_response())
    }

    /// The gRPC response that stands for this rejection: only trailers, with code 14 (unavailable) and a
    /// `grpc-retry-pushback-ms` of the time until [`retry_at`](Self::retry_at). Otherwise as
    /// [`http_response`](Self::http_response). Feature `http`.
    ///
    /// # Errors
    ///
    /// None: `E` is the error type of the service.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::{CircuitBreaker, Open};
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let breaker = CircuitBreaker::builder().consecutive_failures(1).build("prices")?;
    /// breaker.try_acquire()?.failure();
    /// let open = breaker.try_acquire().unwrap_err();
    /// let response = open.grpc_response::<(), Infallible>()?;
    /// assert_eq!(response.headers()["grpc-status"], "14");
    /// assert_eq!(response.headers()["grpc-message"], "the circuit is open");
    /// assert_eq!(response.headers()["grpc-retry-pushback-ms"], "5000");
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::unnecessary_wraps, reason = "the type of an answer")]
    pub fn grpc_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.answer().grpc())
    }

    fn answer(self) -> Answer<Self> {
        const UNAVAILABLE: u16 = 14;
        Answer {
            status: StatusCode::SERVICE_UNAVAILABLE,
            grpc_code: UNAVAILABLE,
            message: "the circuit is open",
            retry_after: Some(self.retry_after()),
            is_overload: true,
            error: self,
        }
    }
}
