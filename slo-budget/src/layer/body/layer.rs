use tower_layer::Layer;

use crate::{
    budget::ErrorBudget,
    layer::{BodyService, ErrIsBad, ErrorBudgetLayer},
};

/// Counts the calls of an HTTP service when their response bodies end.
///
/// Made by [`ErrorBudgetLayer::until_body_end`]. For responses that stream: a head with status 200 promises nothing about what
/// follows. It changes the type of the response body, never that of the error.
#[derive(Clone, Copy, Debug)]
pub struct BodyLayer<C = ErrIsBad, B = ErrorBudget>(ErrorBudgetLayer<C, B>);

impl<C, B> ErrorBudgetLayer<C, B> {
    /// Counts a call when its response body ends, and not when the response is there.
    ///
    /// The classifier sees the response as ever, when its head is there, with the latency up to then. What it calls bad or excludes is
    /// counted so at once. What it calls good is good when the body ends within [`slow_after`](Self::slow_after) of the call, bad when
    /// it ends later or fails, and a cancelled call when it is dropped before its end
    /// ([`Builder::on_cancel`](crate::Builder::on_cancel)). A body that is never read to its end was not delivered.
    ///
    /// # Examples
    ///
    /// ```
    /// use http_body_util::{BodyExt, Full};
    /// use maestro_slo_budget::{Counts, ErrorBudget, ErrorBudgetLayer, Objective};
    /// use std::{convert::Infallible, time::Duration};
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let budget = ErrorBudget::new("files", Objective::new(999, 1000).unwrap());
    /// let mut service = ServiceBuilder::new()
    ///     .layer(ErrorBudgetLayer::new(budget.clone()).until_body_end())
    ///     .service(service_fn(async |_: http::Request<()>| {
    ///         Ok::<_, Infallible>(http::Response::new(Full::new(&b"a large file"[..])))
    ///     }));
    /// let hour = Duration::from_secs(3600);
    /// let response = service.ready().await?.call(http::Request::new(())).await?;
    /// assert_eq!(budget.counts(hour), Counts::new(0, 0));
    /// response.into_body().collect().await?;
    /// assert_eq!(budget.counts(hour), Counts::new(1, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn until_body_end(self) -> BodyLayer<C, B> {
        BodyLayer(self)
    }
}

impl<S, C: Clone, B: Clone> Layer<S> for BodyLayer<C, B> {
    type Service = BodyService<S, C, B>;

    fn layer(&self, inner: S) -> Self::Service {
        let ErrorBudgetLayer {
            classifier,
            slow_after,
            budget,
        } = self.0.clone();
        BodyService::new(inner, classifier, slow_after, budget)
    }
}
