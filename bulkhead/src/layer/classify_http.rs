//! Feature `http`: what HTTP responses mean for load.

use std::fmt;

use http::{Response, StatusCode};

#[cfg(feature = "http-body")]
use super::AtBodyEnd;
use super::{BulkheadLayer, Classify, QueueLayer};
#[cfg(feature = "http-body")]
use crate::types::BodyEnd;
use crate::types::{Meaning, Outcome};

/// The classifier for HTTP and gRPC, by the table in [`guide::meaning`](crate::guide::meaning). Zero-sized. Feature `http`.
///
/// The statuses 429, 502, 503 and 504 and the gRPC codes 4, 8 and 14 are an overload. A response that says that the service
/// did its work, or that the request was wrong, is a success. Everything else says nothing about load: other failures, an
/// `Err`, and the response of a layer further in that refused the call
/// ([`Full::http_response`](crate::Full::http_response)).
///
/// Made by [`http`](crate::BulkheadLayer::http) and [`grpc`](crate::BulkheadLayer::grpc).
///
/// # Examples
///
/// ```
/// use http::{Response, StatusCode};
/// use maestro_bulkhead::{Classify, ClassifyHttp, Outcome};
///
/// let classify = |status| {
///     let mut response = Response::new(());
///     *response.status_mut() = status;
///     ClassifyHttp.classify(&Ok::<_, std::io::Error>(response))
/// };
/// assert_eq!(classify(StatusCode::NOT_FOUND), Outcome::Success);
/// assert_eq!(classify(StatusCode::SERVICE_UNAVAILABLE), Outcome::Overload);
/// assert_eq!(classify(StatusCode::INTERNAL_SERVER_ERROR), Outcome::Ignored);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct ClassifyHttp;

/// [`ClassifyHttp`] with other overloads than those of the table. Made by [`ClassifyHttp::statuses`] and
/// [`ClassifyHttp::codes`]. Feature `http`.
#[derive(Clone, Copy)]
pub struct ClassifyChosen {
    statuses: fn(StatusCode) -> bool,
    codes: fn(u32) -> bool,
}

// === impl ClassifyHttp ===

impl ClassifyHttp {
    /// Makes the statuses for which `f` returns true the overloads, and no other. An overload of the table that `f` does not
    /// choose says nothing about load.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, ClassifyHttp};
    ///
    /// let api = Bulkhead::builder().limit(8).build("api")?;
    /// // This API answers 429 to each tenant that is over its own quota.
    /// let overloads = |status| status == StatusCode::SERVICE_UNAVAILABLE;
    /// let layer = BulkheadLayer::new(api).classifier(ClassifyHttp::statuses(overloads));
    /// # let _ = layer;
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    #[must_use]
    pub const fn statuses(f: fn(StatusCode) -> bool) -> ClassifyChosen {
        ClassifyChosen::BY_TABLE.statuses(f)
    }

    /// Makes the gRPC codes for which `f` returns true the overloads, and no other: in headers and in trailers. An overload
    /// of the table that `f` does not choose says nothing about load. `f` is not asked about 0, which is a success.
    #[must_use]
    pub const fn codes(f: fn(u32) -> bool) -> ClassifyChosen {
        ClassifyChosen::BY_TABLE.codes(f)
    }
}

impl<B, Err> Classify<Response<B>, Err> for ClassifyHttp {
    fn classify(&self, result: &Result<Response<B>, Err>) -> Outcome {
        match result {
            Ok(response) => Meaning::of_head(response).0.into(),
            Err(_) => Outcome::Ignored,
        }
    }
}

// === impl ClassifyChosen ===

impl ClassifyChosen {
    const BY_TABLE: Self = Self {
        statuses: |status| is_overload(Meaning::of_status(status)),
        codes: |code| is_overload(Meaning::of_code(code)),
    };

    /// As [`ClassifyHttp::statuses`].
    #[must_use]
    pub const fn statuses(self, f: fn(StatusCode) -> bool) -> Self {
        Self {
            statuses: f,
            ..self
        }
    }

    /// As [`ClassifyHttp::codes`].
    #[must_use]
    pub const fn codes(self, f: fn(u32) -> bool) -> Self {
        Self { codes: f, ..self }
    }

    fn code(&self, code: u32) -> Outcome {
        chosen(code != 0 && (self.codes)(code), Meaning::of_code(code))
    }
}

impl<B, Err> Classify<Response<B>, Err> for ClassifyChosen {
    fn classify(&self, result: &Result<Response<B>, Err>) -> Outcome {
        let Ok(response) = result else {
            return Outcome::Ignored;
        };
        let status = response.status();
        match Meaning::of_head(response) {
            (Meaning::Rejected, _) => Outcome::Ignored,
            (_, Some(code)) => self.code(code),
            _ => chosen((self.statuses)(status), Meaning::of_status(status)),
        }
    }

    #[cfg(feature = "http-body")]
    fn classify_end(&self, end: BodyEnd<'_>) -> Outcome {
        end.grpc_code()
            .map_or(Outcome::Success, |code| self.code(code))
    }
}

impl fmt::Debug for ClassifyChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyChosen").finish_non_exhaustive()
    }
}

fn is_overload(meaning: Meaning) -> bool {
    Outcome::from(meaning) == Outcome::Overload
}

fn chosen(is_chosen: bool, meaning: Meaning) -> Outcome {
    match meaning.into() {
        _ if is_chosen => Outcome::Overload,
        // It came faster or later than a healthy answer.
        Outcome::Overload => Outcome::Ignored,
        outcome => outcome,
    }
}

// === The layers ===

impl<C, R, B, E> BulkheadLayer<C, R, B, E> {
    /// Reads statuses and gRPC codes with [`ClassifyHttp`](crate::ClassifyHttp): 429, 502, 503 and 504 are an overload, and a
    /// 500 is no success. Feature `http`.
    ///
    /// The code of a gRPC response that has messages comes after its head: use [`grpc`](Self::grpc).
    #[must_use]
    pub fn http(self) -> BulkheadLayer<ClassifyHttp, R, B, E> {
        self.classifier(ClassifyHttp)
    }

    /// [`http`](Self::http) and [`until_body_end`](Self::until_body_end), because a gRPC call says in its trailers how it
    /// went. Feature `http-body`.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, Request, Response};
    /// use http_body_util::{BodyExt, Empty};
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Bulkhead::builder().limit(64).build("orders")?;
    /// let mut service = ServiceBuilder::new()
    ///     .layer(BulkheadLayer::new(orders.clone()).grpc())
    ///     .service(service_fn(async |_: Request<()>| {
    ///         let mut trailers = HeaderMap::new();
    ///         trailers.insert("grpc-status", 8.into()); // resource exhausted
    ///         let body = Empty::<&[u8]>::new().with_trailers(std::future::ready(Some(Ok(trailers))));
    ///         let response = Response::builder().header("content-type", "application/grpc");
    ///         Ok::<_, Full>(response.body(body).expect("a valid response"))
    ///     }));
    /// let response = service.call(Request::new(())).await?;
    /// assert_eq!((response.status().as_u16(), orders.overloads()), (200, 0));
    /// response.into_body().collect().await?;
    /// assert_eq!(orders.overloads(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn grpc(self) -> BulkheadLayer<ClassifyHttp, R, B, AtBodyEnd> {
        self.http().until_body_end()
    }
}

impl<C, R, D, B, E> QueueLayer<C, R, D, B, E> {
    /// As [`BulkheadLayer::http`], which may also come before [`queue`](BulkheadLayer::queue).
    #[must_use]
    pub fn http(self) -> QueueLayer<ClassifyHttp, R, D, B, E> {
        self.classifier(ClassifyHttp)
    }

    /// As [`BulkheadLayer::grpc`], which may also come before [`queue`](BulkheadLayer::queue).
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn grpc(self) -> QueueLayer<ClassifyHttp, R, D, B, AtBodyEnd> {
        self.http().until_body_end()
    }
}
