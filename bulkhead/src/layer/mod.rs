//! The bulkhead as a tower layer.

#[cfg(feature = "http-body")]
mod body;
mod classify;
#[cfg(feature = "http")]
mod classify_http;
mod end;
mod future;
mod queue;
mod reject;
#[cfg(feature = "http-body")]
mod report;
mod service;
mod source;

use std::{marker::PhantomData, num::NonZeroU32};

use tower_layer::Layer;

use crate::{
    bulkhead::Bulkhead,
    config::Queue,
    types::{Full, Outcome},
};
#[cfg(feature = "http-body")]
pub use body::PermitBody;
pub use classify::{Classify, ClassifyWith, OkIsSuccess, OverloadIf};
#[cfg(feature = "http")]
pub use classify_http::{ClassifyChosen, ClassifyHttp};
#[cfg(feature = "http-body")]
pub use end::AtBodyEnd;
pub use end::{AtHead, CallEnd};
pub use future::ResponseFuture;
pub use queue::{DeadlineOf, DeadlineWith, NoDeadline, QueueFuture, QueueLayer, QueueService};
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use service::BulkheadService;
pub(crate) use source::sealed;
pub use source::{Source, Weighted};

/// Puts a service behind a bulkhead.
///
/// The layer creates no state: all services that it makes share the places of its bulkhead.
///
/// `C` tells what results mean for load, `R` answers refused calls, `B` is the bulkhead ([`Source`](crate::Source)), and `E`
/// is the moment at which a call ends ([`CallEnd`](crate::CallEnd)).
#[derive(Clone, Copy, Debug)]
#[doc(alias = "ConcurrencyLimitLayer")]
#[doc(alias = "LoadShed")]
#[doc(alias = "LoadShedLayer")]
pub struct BulkheadLayer<C = OkIsSuccess, R = IntoError, B = Bulkhead, E = AtHead> {
    classifier: C,
    reject: R,
    source: B,
    end: PhantomData<E>,
}

impl<B: sealed::Sealed> BulkheadLayer<OkIsSuccess, IntoError, B> {
    /// A layer over `bulkhead`: a [`Bulkhead`] handle, a `&'static` [`StaticBulkhead`](crate::StaticBulkhead), or a family with
    /// its key ([`Bulkheads::by`](crate::Bulkheads::by)).
    #[must_use]
    pub const fn new(bulkhead: B) -> Self {
        Self {
            classifier: OkIsSuccess,
            reject: IntoError,
            source: bulkhead,
            end: PhantomData,
        }
    }
}

impl<C, R, B, E> BulkheadLayer<C, R, B, E> {
    /// Treats a result as an overload if `f` returns true. Any other `Ok` is a success. Any other `Err` says nothing about load:
    /// it came faster or later than a healthy answer.
    #[must_use]
    pub fn overload_if<Res, Err, F>(self, f: F) -> BulkheadLayer<OverloadIf<F>, R, B, E>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(OverloadIf(f))
    }

    /// Maps each result to an [`Outcome`] with a closure. For errors that a healthy service gives at its usual latency, such as
    /// "not found": these are successes.
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> BulkheadLayer<ClassifyWith<F>, R, B, E>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Maps each result to an [`Outcome`] with your own type, an implementation of [`Classify`](crate::Classify).
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> BulkheadLayer<C2, R, B, E> {
        BulkheadLayer {
            classifier,
            reject: self.reject,
            source: self.source,
            end: PhantomData,
        }
    }

    /// Answers refused calls with `f(full)`: a 503, or your own error. The error type then needs no `From<Full>`.
    ///
    /// For HTTP, `Full::http_response`, `Full::too_many_requests` and their forms in gRPC (feature `http`) are such
    /// answers, in one word. **An answer is an `Ok`**: to a layer further out whose classifier does not read responses it is
    /// a success of the service. There use `.http()` or `.grpc()`, which read these answers.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> BulkheadLayer<C, Answer<F>, B, E>
    where
        F: Fn(Full) -> Result<Res, Err> + Clone,
    {
        self.reject(Answer(f))
    }

    /// Answers refused calls with `f(full, request)`: a value from a cache, by the key in the request. To a layer further out
    /// such an answer is a success.
    ///
    /// For a fallback that must await, or that answers every failure, see `FallbackLayer` of the crate `maestro-retry`.
    #[must_use]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> BulkheadLayer<C, Fallback<F>, B, E>
    where
        F: Fn(Full, Req) -> Result<Res, Err> + Clone,
    {
        self.reject(Fallback(f))
    }

    fn reject<R2>(self, reject: R2) -> BulkheadLayer<C, R2, B, E> {
        BulkheadLayer {
            classifier: self.classifier,
            reject,
            source: self.source,
            end: PhantomData,
        }
    }

    /// Makes a call take as many places as `f` says of its request: the rows that it writes, the megabytes that it needs.
    ///
    /// A call takes all its places in one step and gives them back in one step. In a queue it waits until they are all free,
    /// and the calls behind it do not overtake it. A call that takes more places than the [limit](crate::Bulkhead::limit) is
    /// refused with [`Cause::TooHeavy`](crate::Cause::TooHeavy), also one that is the first of the line when the limit is
    /// lower. So bound what `f` returns, and give an adaptive limit a floor (`min`) that fits the heaviest call.
    ///
    /// `f` runs once a call, and once more for a queued call that is refused for its deadline. The figures of the bulkhead
    /// count places. An adaptive limit learns one latency a call.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
    /// use std::num::NonZeroU32;
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// struct Import { rows: u32 }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Bulkhead::builder().limit(8).build("store")?;
    /// let places = store.clone();
    /// let mut imports = ServiceBuilder::new()
    ///     .layer(BulkheadLayer::new(store).weight(|import: &Import| {
    ///         NonZeroU32::MIN.saturating_add(import.rows / 1_000).min(NonZeroU32::new(8).unwrap())
    ///     }))
    ///     .service(service_fn(async |_: Import| Ok::<_, Full>(places.in_flight())));
    /// assert_eq!(imports.ready().await?.call(Import { rows: 10 }).await?, 1);
    /// assert_eq!(imports.ready().await?.call(Import { rows: 2_500 }).await?, 3);
    /// assert_eq!(imports.ready().await?.call(Import { rows: 1_000_000 }).await?, 8);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn weight<Req, F>(self, f: F) -> BulkheadLayer<C, R, Weighted<B, F>, E>
    where
        F: Fn(&Req) -> NonZeroU32 + Clone,
    {
        BulkheadLayer {
            classifier: self.classifier,
            reject: self.reject,
            source: Weighted {
                source: self.source,
                places: f,
            },
            end: PhantomData,
        }
    }

    /// Makes calls that find no place wait, in a queue that is bounded in length and in time.
    ///
    /// Takes a [`Queue`], or its length and the longest wait: `queue((64, Duration::from_millis(100)))`.
    ///
    /// The result is a different layer, since it needs `S: Clone` and tokio's timer; see [`QueueLayer`].
    #[must_use]
    pub fn queue(self, queue: impl Into<Queue>) -> QueueLayer<C, R, NoDeadline, B, E> {
        QueueLayer::new(self, queue.into())
    }

    /// Holds the place until the response body ends, fails or is dropped, and not only until the response is ready. For
    /// responses that stream: the work, and the connection it needs, ends with the body.
    ///
    /// The type of the response body becomes [`PermitBody`](crate::PermitBody). The classifier sees the response when its
    /// head is ready, and its outcome is reported then. If the head is a success,
    /// [`classify_end`](crate::Classify::classify_end) sees the trailers, and an overload in them is reported too.
    ///
    /// A gRPC response has its code in the trailers, so its success is reported with its first message, and a response
    /// without a message is reported once, with its code. It reports nothing if it fails or is dropped before.
    ///
    /// An adaptive limit learns the latency of the head in all cases. How long the body takes depends on its reader.
    ///
    /// A body whose client stops reading is not polled and never ends. Its place goes to the next caller that finds no room
    /// once it was not polled for [`Builder::body_idle`](crate::Builder::body_idle), a minute by default. A body that waits
    /// for its backend keeps its place.
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
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn until_body_end(self) -> BulkheadLayer<C, R, B, AtBodyEnd> {
        BulkheadLayer {
            classifier: self.classifier,
            reject: self.reject,
            source: self.source,
            end: PhantomData,
        }
    }
}

impl<S, C: Clone, R: Clone, B: Clone, E> Layer<S> for BulkheadLayer<C, R, B, E> {
    type Service = BulkheadService<S, C, R, B, E>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService {
            inner,
            classifier: self.classifier.clone(),
            reject: self.reject.clone(),
            source: self.source.clone(),
            end: PhantomData,
        }
    }
}
