use std::{error::Error, fmt, sync::Arc, time::Duration};

#[cfg(feature = "http")]
use http::{Response, StatusCode};

#[cfg(feature = "http")]
use crate::types::response::Answer;
use crate::{
    gate::Reasons,
    types::{duration::Spoken, no_retry::NoRetry, subject::Subject},
};

/// A gate refused an optional request.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    subject: Subject,
    /// In nanoseconds.
    retry_after: u64,
    reasons: Reasons,
}

impl Spent {
    pub(super) const fn new(subject: Subject, retry_after: u64, reasons: Reasons) -> Self {
        Self {
            subject,
            retry_after,
            reasons,
        }
    }

    /// The name of the error budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.subject.name()
    }

    /// The key of the member of the family, if the family [shows its keys](crate::ErrorBudgets::show_keys). The latest 1,000
    /// keys of members that are gone are still known.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.subject.key()
    }

    /// When to try again: the seconds in which the share rises to the whole if nothing fails any more, and one. That is
    /// 2 s to 16 s.
    ///
    /// For an override it is the time until its end. For an override without an end, and for a spent budget with
    /// [`WhenSpent::Refuse`](crate::WhenSpent::Refuse), it is the time until the period of the calendar ends, or the step
    /// in which a sliding period moves: 360 slots (1 h).
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        Duration::from_nanos(self.retry_after)
    }

    /// Why it was refused.
    #[must_use]
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// The HTTP response 503, for [`on_reject`](crate::GateLayer::on_reject). Feature `http`.
    ///
    /// `Retry-After` is [`retry_after`](Self::retry_after) in whole seconds, rounded up, the body is `B::default()`, and
    /// `x-envoy-overloaded: true` asks proxies and retry layers not to try again. The refusal is in the extensions as
    /// `Arc<dyn Error + Send + Sync>`: so a classifier further out, such as [`ClassifyHttp`](crate::ClassifyHttp) or that
    /// of a circuit breaker, sees that the service was not asked. It allocates for the extensions and headers.
    ///
    /// # Errors
    ///
    /// None. The answer is a `Result` because that of [`on_reject`](crate::GateLayer::on_reject) is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Override, Spent};
    /// use std::convert::Infallible;
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let budget = ErrorBudget::new("api", "99.9%".parse()?);
    /// let gate = Gate::new(budget.clone());
    /// let mut api = ServiceBuilder::new()
    ///     .layer(GateLayer::new(gate.clone()).on_reject(Spent::http_response))
    ///     .layer(ErrorBudgetLayer::new(budget).http())
    ///     .service(service_fn(async |_: Request<()>| {
    ///         Ok::<_, Infallible>(Response::new(String::from("hello")))
    ///     }));
    /// gate.force_closed(Override::new("alice", "a migration"));
    /// let refused = api.ready().await?.call(Request::new(())).await?;
    /// assert_eq!(refused.status(), 503);
    /// assert_eq!(refused.headers()["retry-after"], "3600");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "http")]
    #[expect(clippy::unnecessary_wraps, reason = "what `on_reject` asks for")]
    pub fn http_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.to_http_response())
    }

    /// The response of [`http_response`](Self::http_response), for code that has found a `Spent` in an error, such as the
    /// `IntoResponse` of an error type. Feature `http`.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use maestro_slo_budget::Spent;
    /// # type Body = String;
    /// # trait IntoResponse { fn into_response(self) -> Response<Body>; }
    /// # impl IntoResponse for StatusCode {
    /// #     fn into_response(self) -> Response<Body> {
    /// #         Response::builder().status(self).body(Body::new()).unwrap()
    /// #     }
    /// # }
    ///
    /// enum AppError {
    ///     Spent(Spent),
    ///     NotFound,
    /// }
    ///
    /// // `IntoResponse` and `Body` are those of axum.
    /// impl IntoResponse for AppError {
    ///     fn into_response(self) -> Response<Body> {
    ///         match self {
    ///             Self::Spent(spent) => spent.to_http_response(),
    ///             Self::NotFound => StatusCode::NOT_FOUND.into_response(),
    ///         }
    ///     }
    /// }
    /// # let gate = maestro_slo_budget::Gate::new(maestro_slo_budget::ErrorBudget::new("api", "99.9%".parse()?));
    /// # gate.force_closed(maestro_slo_budget::Override::new("alice", "a migration"));
    /// # let spent = gate.check(maestro_slo_budget::Class::Optional).unwrap_err();
    /// # assert_eq!(AppError::Spent(spent).into_response().status(), 503);
    /// # assert_eq!(AppError::NotFound.into_response().status(), 404);
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    #[cfg(feature = "http")]
    #[must_use]
    pub fn to_http_response<B: Default>(&self) -> Response<B> {
        self.clone().answer().http()
    }

    /// The gRPC response with code 14 (unavailable), for [`on_reject`](crate::GateLayer::on_reject). Feature `http`.
    ///
    /// `grpc-retry-pushback-ms` is [`retry_after`](Self::retry_after). The rest is as in
    /// [`http_response`](Self::http_response).
    ///
    /// # Errors
    ///
    /// None.
    #[cfg(feature = "http")]
    #[expect(clippy::unnecessary_wraps, reason = "what `on_reject` asks for")]
    pub fn grpc_response<B: Default, E>(self) -> Result<Response<B>, E> {
        Ok(self.answer().grpc())
    }

    #[cfg(feature = "http")]
    fn answer(self) -> Answer<Self> {
        Answer {
            status: StatusCode::SERVICE_UNAVAILABLE,
            grpc_code: 14, // unavailable
            message: "optional work is refused for now",
            retry_after: Some(self.retry_after()),
            is_overload: true,
            error: self,
        }
    }

    /// Finds a `Spent` in an error or in its chain of sources.
    ///
    /// Works for boxes, `anyhow`, `io::Error::other(spent)` and enums with `#[from] Spent`. It does not for
    /// `#[error(transparent)]`, which skips the value: match that variant yourself.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = match error.downcast_ref::<std::io::Error>() {
                // `io::Error::source` skips the value that it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error budget {} refuses optional work: {}; try again in {}",
            self.subject,
            self.reasons,
            Spoken(self.retry_after())
        )
    }
}

impl Error for Spent {
    /// An error with the text `do not retry here`, which retry layers look for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NoRetry)
    }
}
