//! HTTP responses that stand for an [`Elapsed`].

use http::{Response, StatusCode};

use super::{Elapsed, response::Answer};

const DEADLINE_EXCEEDED: u16 = 4;

#[expect(
    clippy::unnecessary_wraps,
    reason = "each is a function as `on_reject` takes it"
)]
impl Elapsed {
    /// The HTTP response 504 with an empty body, for [`on_reject`](crate::TimeoutLayer::on_reject). Feature `http`.
    ///
    /// The response carries the `Elapsed` in its extensions. A classifier of the sibling crates further out then sees whose
    /// time ran out. If the limit of the layer applied, the service was too slow: a failure. If the deadline of the request
    /// applied, the caller had no time left, which says nothing about the service: a rejection. It allocates for that, as
    /// every response with headers does.
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
        Ok(self.answer(StatusCode::GATEWAY_TIMEOUT).http())
    }

    /// The gRPC response with code 4 (deadline exceeded), for [`on_reject`](crate::TimeoutLayer::on_reject). Feature `http`.
    ///
    /// The rest is as in [`http_response`](Self::http_response).
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
