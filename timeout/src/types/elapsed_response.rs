//! HTTP responses that stand for an [`Elapsed`].

use http::{Response, StatusCode};

use super::{Elapsed, response::Answer};

const DEADLINE_EXCEEDED: u16 = 4;

#[expect(
    clippy::unnecessary_wraps,
    reason = "each is a function as `on_reject` takes it"
)]
impl Elapsed {
    /// The HTTP response 504 with an empty body, for code that makes responses of errors, such as axum's `IntoResponse`.
    /// Feature `http`.
    ///
    /// The response carries the `Elapsed` in its extensions. A classifier of the sibling crates further out then sees whose
    /// time ran out. If the limit of the layer applied, the service was too slow: a failure. If the deadline of the request
    /// applied, the caller had no time left, which says nothing about the service: a rejection. It allocates for that, as
    /// every response with headers does.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use maestro_timeout::Elapsed;
    /// # type Body = String;
    /// # trait IntoResponse { fn into_response(self) -> Response<Body>; }
    /// # impl IntoResponse for StatusCode {
    /// #     fn into_response(self) -> Response<Body> {
    /// #         Response::builder().status(self).body(Body::new()).unwrap()
    /// #     }
    /// # }
    ///
    /// enum StoreError {
    ///     Elapsed(Elapsed),
    ///     NotFound,
    /// }
    ///
    /// // `IntoResponse` and `Body` are those of axum.
    /// impl IntoResponse for StoreError {
    ///     fn into_response(self) -> Response<Body> {
    ///         match self {
    ///             Self::Elapsed(elapsed) => elapsed.to_http_response(),
    ///             Self::NotFound => StatusCode::NOT_FOUND.into_response(),
    ///         }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let deadline = maestro_timeout::Deadline::after(std::time::Duration::from_secs(1));
    /// let elapsed = deadline.run(std::future::pending::<()>()).await.unwrap_err();
    /// assert_eq!(StoreError::Elapsed(elapsed).into_response().status(), 504);
    /// # assert_eq!(StoreError::NotFound.into_response().status(), 404);
    /// # }
    /// ```
    #[must_use]
    pub fn to_http_response<B: Default>(&self) -> Response<B> {
        self.clone().answer(StatusCode::GATEWAY_TIMEOUT).http()
    }

    /// [`to_http_response`](Self::to_http_response) in the form of an answer of the service, for
    /// [`on_reject`](crate::TimeoutLayer::on_reject). Feature `http`.
    ///
    /// # Errors
    ///
    /// None. The answer is a `Result` because that of [`on_reject`](crate::TimeoutLayer::on_reject) is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use maestro_timeout::{Elapsed, TimeoutLayer};
    /// use std::{convert::Infallible, future::pending, time::Duration};
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Infallible> {
    /// let mut service = ServiceBuilder::new()
    ///     .layer(TimeoutLayer::new(Duration::from_secs(1)).on_reject(Elapsed::http_response))
    ///     .service(service_fn(|_: Request<()>| pending::<Result<Response<String>, Infallible>>()));
    /// assert_eq!(service.call(Request::new(())).await?.status(), 504);
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.to_http_response())
    }

    /// The gRPC response with code 4 (deadline exceeded), for [`on_reject`](crate::TimeoutLayer::on_reject). Feature `http`.
    ///
    /// The rest is as in [`to_http_response`](Self::to_http_response).
    ///
    /// # Errors
    ///
    /// None.
    pub fn grpc_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.answer(StatusCode::OK).grpc())
    }

    const fn answer(self, status: StatusCode) -> Answer<Self> {
        Answer {
            status,
            grpc_code: DEADLINE_EXCEEDED,
            message: "the call took too long",
            retry_after: None,
            is_overload: false,
            error: self,
        }
    }
}
