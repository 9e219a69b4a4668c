//! Feature `http`: what HTTP and gRPC responses mean for an objective.

use std::{fmt, time::Duration};

use http::{Response, StatusCode};

#[cfg(feature = "http-body")]
use crate::layer::AtBodyEnd;
#[cfg(feature = "http-body")]
use crate::types::BodyEnd;
use crate::{
    layer::{Classify, ErrorBudgetLayer},
    types::{
        Event,
        meaning::{Cause, Meaning, grpc_code},
    },
};

/// The classifier for HTTP and gRPC, by the table in [`guide::meaning`](crate::guide::meaning). Zero-sized. Feature `http`.
///
/// - Bad: a status of 500 and above, the gRPC codes 2, 4, 12 to 15 and those above 16, and an `Err`.
/// - Bad, whatever its status: a response that stands for an error of a layer further in, such as
///   [`Spent::http_response`](crate::Spent::http_response) and the like of the sibling crates. Such a response has an
///   `Arc<dyn Error + Send + Sync>` in its extensions.
/// - Excluded: the statuses 408, 429 and 499, and the codes 1 and 8.
/// - Good: all other responses. A wrong request that is answered is work that was done.
///
/// Made by [`http`](ErrorBudgetLayer::http) and [`grpc`](ErrorBudgetLayer#method.grpc). The
/// [guide](crate::guide#http-and-grpc) says what callers can do to a budget with it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::Response;
/// use maestro_slo_budget::{Classify, ClassifyHttp, Event};
///
/// let classify = |status| {
///     let response = Response::builder().status(status).body(()).unwrap();
///     ClassifyHttp.classify(&Ok::<_, std::io::Error>(response), Duration::ZERO)
/// };
/// assert_eq!(classify(404), Event::Good);
/// assert_eq!(classify(429), Event::Excluded);
/// assert_eq!(classify(500), Event::Bad);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct ClassifyHttp;

/// [`ClassifyHttp`] with other bad statuses or codes than those of the table. Made by [`ClassifyHttp::statuses`] and
/// [`ClassifyHttp::codes`]. Feature `http`.
#[derive(Clone, Copy)]
#[must_use = "it judges nothing until a layer uses it"]
pub struct ClassifyChosen {
    statuses: fn(StatusCode) -> bool,
    codes: fn(u32) -> bool,
}

// === impl ClassifyHttp ===

impl ClassifyHttp {
    /// Makes the statuses for which `f` returns true bad, and no other. The statuses 408, 429 and 499 stay
    /// excluded if `f` does not choose them, and all others are good.
    ///
    /// An `Err`, and a response that stands for one, stay bad. The status of a gRPC response is 200, so its code decides:
    /// see [`codes`](Self::codes).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use maestro_slo_budget::{ClassifyHttp, ErrorBudget, ErrorBudgetLayer};
    ///
    /// let budget = ErrorBudget::new("api", "99.9%".parse()?);
    /// // This API must not refuse its callers: 429 is bad too.
    /// let bad = |status: StatusCode| status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    /// let layer = ErrorBudgetLayer::new(budget).classifier(ClassifyHttp::statuses(bad));
    /// # let _ = layer;
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub const fn statuses(f: fn(StatusCode) -> bool) -> ClassifyChosen {
        ClassifyChosen::BY_TABLE.statuses(f)
    }

    /// Makes the gRPC codes for which `f` returns true bad, and no other: in headers and in trailers. The codes 1
    /// and 8 stay excluded if `f` does not choose them, and all others are good.
    ///
    /// `f` is not asked about 0, which is good. A response that ends without its code has code 2. An `Err`, and a response that stands for one, stay bad.
    pub const fn codes(f: fn(u32) -> bool) -> ClassifyChosen {
        ClassifyChosen::BY_TABLE.codes(f)
    }
}

impl<B, Err> Classify<Response<B>, Err> for ClassifyHttp {
    const TIMED: bool = false;

    fn classify(&self, result: &Result<Response<B>, Err>, _: Duration) -> Event {
        match answered(result) {
            Some(response) => Meaning::of_head(response).0.into(),
            None => Event::Bad,
        }
    }
}

// === impl ClassifyChosen ===

impl ClassifyChosen {
    const BY_TABLE: Self = Self {
        statuses: |status| is_bad(Meaning::of_status(status)),
        codes: |code| is_bad(Meaning::of_code(code)),
    };

    /// As [`ClassifyHttp::statuses`].
    pub const fn statuses(self, f: fn(StatusCode) -> bool) -> Self {
        Self {
            statuses: f,
            ..self
        }
    }

    /// As [`ClassifyHttp::codes`].
    pub const fn codes(self, f: fn(u32) -> bool) -> Self {
        Self { codes: f, ..self }
    }

    fn code(&self, code: u32) -> Event {
        chosen(code != 0 && (self.codes)(code), Meaning::of_code(code))
    }
}

impl<B, Err> Classify<Response<B>, Err> for ClassifyChosen {
    const TIMED: bool = false;

    fn classify(&self, result: &Result<Response<B>, Err>, _: Duration) -> Event {
        let Some(response) = answered(result) else {
            return Event::Bad;
        };
        let status = response.status();
        match grpc_code(response.headers()) {
            // As in `Meaning::of_head`.
            Some(code) if status.is_success() => self.code(code),
            _ => chosen((self.statuses)(status), Meaning::of_status(status)),
        }
    }

    #[cfg(feature = "http-body")]
    fn classify_end(&self, end: BodyEnd<'_>) -> Event {
        end.grpc_code().map_or(Event::Good, |code| self.code(code))
    }
}

impl fmt::Debug for ClassifyChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyChosen").finish_non_exhaustive()
    }
}

/// The response, unless it stands for an error: what a layer inside turned into a response is as bad as that error is.
fn answered<B, Err>(result: &Result<Response<B>, Err>) -> Option<&Response<B>> {
    let response = result.as_ref().ok()?;
    let stands_for_an_error = response.extensions().get::<Cause>().is_some();
    (!stands_for_an_error).then_some(response)
}

fn is_bad(meaning: Meaning) -> bool {
    Event::from(meaning) == Event::Bad
}

fn chosen(is_chosen: bool, meaning: Meaning) -> Event {
    match meaning.into() {
        _ if is_chosen => Event::Bad,
        Event::Excluded => Event::Excluded,
        Event::Good | Event::Bad => Event::Good,
    }
}

// === impl ErrorBudgetLayer ===

impl<C, B, E> ErrorBudgetLayer<C, B, E> {
    /// Reads HTTP statuses and gRPC codes with [`ClassifyHttp`]: a 500 is bad, and so is the response by which a layer
    /// further in answers a call that it rejected. Feature `http`.
    ///
    /// The code of a gRPC response that has messages comes after its head: use [`grpc`](#method.grpc).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use maestro_slo_budget::{Counts, ErrorBudget, ErrorBudgetLayer};
    /// use std::{convert::Infallible, time::Duration};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let budget = ErrorBudget::new("api", "99.9%".parse()?);
    /// let mut api = ErrorBudgetLayer::new(budget.clone())
    ///     .http()
    ///     .layer(service_fn(async |request: Request<u16>| {
    ///         let response = Response::builder().status(*request.body());
    ///         Ok::<_, Infallible>(response.body(()).expect("a valid status"))
    ///     }));
    /// for status in [200, 404, 429, 500] {
    ///     api.call(Request::new(status)).await?;
    /// }
    /// assert_eq!(budget.counts(Duration::from_secs(3600)), Counts::new(2, 1));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn http(self) -> ErrorBudgetLayer<ClassifyHttp, B, E> {
        self.classifier(ClassifyHttp)
    }
}

#[cfg(feature = "http-body")]
impl<C, B> ErrorBudgetLayer<C, B> {
    /// [`http`](Self::http) and [`until_body_end`](Self::until_body_end), because a gRPC call says in its trailers how
    /// it went. Feature `http-body`.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, Request, Response};
    /// use http_body_util::{BodyExt, Full};
    /// use maestro_slo_budget::{Counts, ErrorBudget, ErrorBudgetLayer};
    /// use std::{convert::Infallible, time::Duration};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let budget = ErrorBudget::new("orders", "99.9%".parse()?);
    /// let mut orders = ErrorBudgetLayer::new(budget.clone())
    ///     .grpc()
    ///     .layer(service_fn(async |_: Request<()>| {
    ///         let mut trailers = HeaderMap::new();
    ///         trailers.insert("grpc-status", 13.into()); // internal
    ///         let body = Full::new(&b"a message"[..]).with_trailers(async { Some(Ok(trailers)) });
    ///         let response = Response::builder().header("content-type", "application/grpc");
    ///         Ok::<_, Infallible>(response.body(Box::pin(body)).expect("a valid response"))
    ///     }));
    /// let hour = Duration::from_secs(3600);
    /// let response = orders.call(Request::new(())).await?;
    /// assert_eq!((response.status().as_u16(), budget.counts(hour)), (200, Counts::new(0, 0)));
    /// response.into_body().collect().await?;
    /// assert_eq!(budget.counts(hour), Counts::new(0, 1));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn grpc(self) -> ErrorBudgetLayer<ClassifyHttp, B, AtBodyEnd> {
        self.http().until_body_end()
    }
}
