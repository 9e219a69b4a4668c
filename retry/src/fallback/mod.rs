//! A layer that answers failed calls in another way: layer, service and future.
//!
//! A call keeps a copy of its request while the service works on it. When the call has failed, its future and its
//! result are given up, and the closure makes the future of the answer, which is then polled in place of the first one.

mod classify;
mod future;
mod service;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{any::type_name, fmt, future::Future, marker::PhantomData, sync::Arc};

use tower_layer::Layer;

pub use self::{classify::OnlyIf, future::FallbackFuture, service::FallbackService};
#[cfg(feature = "http")]
use crate::http::RetryHttp;
use crate::{
    observe::FallbackObserver,
    policy::{CloneRequest, ReplayWith, RetryRejections},
    types::Name,
};

/// Answers a call that has failed in another way, which may await: from a cache, or from a second service.
///
/// The closure receives a copy of the request and the failed result, and returns a future of the answer. By default it is
/// asked after every `Err`, rejections by other layers included: an open circuit is the usual reason for a fallback.
/// [`only_if`](Self::only_if), [`classifier`](Self::classifier) and [`http`](Self::http) choose other results. The error
/// type of the service does not change, and needs no conversion.
///
/// # What is answered
///
/// - A failed call. Its future is dropped before the closure is called. The result is the closure's: what it holds, such
///   as a connection, is given back when the closure drops it. A closure with the argument `_` drops it when it returns,
///   an `async` closure when its future ends.
/// - An error of the inner service's readiness. `poll_ready` reports ready instead, and the next call is answered without
///   asking the inner service, unless it is polled again and is ready. Such a call needs no copy of its request.
/// - Not an inner service that does not become ready: there is no call yet. A circuit breaker inside is ready while it is
///   open.
/// - Not a request that cannot be copied: see [`replay`](Self::replay). The failed result is the answer.
///
/// The answer of the closure is final, whether it succeeds or not. It may return the error that it received.
///
/// # Where it stands
///
/// Outside in: whole deadline → fallback → retry → breaker → attempt timeout → bulkhead → client.
///
/// - The layer has no time limit. A timeout inside it ends the first call, and leaves time for the answer. A timeout
///   outside bounds both together, and its error is not answered. With only that one, a call that hangs has no fallback.
/// - A fallback hides an outage from callers, not from the layers inside it: the breaker and the error budget of the
///   service belong there, where they see it fail. An error budget outside counts what callers receive.
/// - In an outage the backup has the load of all failed calls. Give a backup service a separate bulkhead.
/// - Both may see the request, and the first may have executed it. Answer only requests that may be executed twice.
///
/// # Cost
///
/// A call that succeeds: one copy of the request, one clone of the closure and of the classifier, and for a
/// [`named`](Self::named) layer two changes of a reference count. The copy must be made before it is known whether it is
/// needed, because the service consumes the request. No allocation, no boxed future, no task. Let the closure capture
/// references or an `Arc`: `&'static F` is a closure too.
///
/// # Examples
///
/// ```
/// use maestro_retry::FallbackLayer;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let backup = service_fn(async |key: &str| Ok(format!("{key} from the backup")));
/// let store = ServiceBuilder::new()
///     .layer(FallbackLayer::new(move |key, _| backup.clone().oneshot(key)))
///     .service_fn(async |key: &'static str| match key {
///         "lost" => Err("connection lost"),
///         key => Ok(key.to_owned()),
///     });
/// assert_eq!(store.clone().oneshot("kept").await.unwrap(), "kept");
/// assert_eq!(store.oneshot("lost").await.unwrap(), "lost from the backup");
/// # }
/// ```
///
/// `F` is the closure, `E` the error type, `V` decides what is answered, `Q` copies requests. The compiler infers `M`: see
/// [`MayReject`](crate::MayReject).
#[must_use = "a layer does nothing until a service is built with it"]
#[doc(alias("FallbackAction", "FallbackStrategyOptions"))]
pub struct FallbackLayer<F, E, V = RetryRejections, Q = CloneRequest, M = ()> {
    parts: Parts<F, V>,
    replay: Q,
    errors: PhantomData<fn() -> (E, M)>,
}

/// What each call keeps of the layer.
#[derive(Clone)]
struct Parts<F, V> {
    f: F,
    classifier: V,
    /// `None` if the layer has no name.
    observer: Option<Arc<FallbackObserver>>,
}

impl<F, E> FallbackLayer<F, E> {
    /// Answers failed calls with `f(request, failed)`.
    pub const fn new<Req, Res, Fut>(f: F) -> Self
    where
        F: Fn(Req, Result<Res, E>) -> Fut + Clone,
        Fut: Future<Output = Result<Res, E>>,
    {
        Self {
            parts: Parts {
                f,
                classifier: RetryRejections,
                observer: None,
            },
            replay: CloneRequest,
            errors: PhantomData,
        }
    }
}

impl<F, E, V, Q, M> FallbackLayer<F, E, V, Q, M> {
    /// Answers the results for which `is_failure` returns true. All others pass.
    ///
    /// It is asked about the answer too, to count it as answered or failed.
    ///
    /// # Examples
    ///
    /// Rejections by the layers inside are answered, and errors of the service are not:
    ///
    /// ```
    /// use maestro_retry::{FallbackLayer, is_rejection};
    /// use tower::BoxError;
    ///
    /// let layer = FallbackLayer::new(async |_: u32, _| Ok::<_, BoxError>("cached"))
    ///     .only_if(|result: &Result<&str, _>| matches!(result, Err(error) if is_rejection(error.as_ref())));
    /// # let _ = layer;
    /// ```
    pub fn only_if<Res, C>(self, is_failure: C) -> FallbackLayer<F, E, OnlyIf<C>, Q>
    where
        C: Fn(&Result<Res, E>) -> bool + Clone,
    {
        self.classifier(OnlyIf::new(is_failure))
    }

    /// Answers the results that a [`Classify`](crate::Classify) calls anything but [`Done`](crate::Verdict::Done): the
    /// classifier of a retry policy. [`Ignored`](crate::Verdict::Ignored) is answered too, as rejections are.
    ///
    /// For it, the call is attempt 1 and the answer attempt 2.
    pub fn classifier<V2, M2>(self, classifier: V2) -> FallbackLayer<F, E, V2, Q, M2> {
        FallbackLayer {
            parts: Parts {
                f: self.parts.f,
                classifier,
                observer: self.parts.observer,
            },
            replay: self.replay,
            errors: PhantomData,
        }
    }

    /// Answers every `Err`, and the responses that are a failure or a rejection to [`RetryHttp`]: statuses of 5xx, 408, 425,
    /// 429 and 499, the gRPC codes that [the table](crate::guide::meaning) does not call a success, if the head has them, and
    /// the responses of layers inside that reject a call. Feature `http`.
    ///
    /// [`classifier`](Self::classifier) takes a `RetryHttp` with other statuses.
    ///
    /// It does not look at the method of the request. If the answer may not execute a request a second time, add
    /// `replayer(HttpReplay::new())`, which leaves out POST and PATCH.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use http::{Request, Response};
    /// use maestro_retry::{FallbackLayer, HttpReplay};
    /// use tower::{BoxError, ServiceBuilder, ServiceExt};
    ///
    /// let pages = ServiceBuilder::new()
    ///     .layer(FallbackLayer::new(async |_, _| Ok(Response::new("cached"))).http())
    ///     .service_fn(async |_: Request<()>| {
    ///         Response::builder().status(503).body("busy").map_err(BoxError::from)
    ///     });
    /// assert_eq!(pages.oneshot(Request::new(())).await.unwrap().body(), &"cached");
    /// # }
    /// ```
    #[cfg(feature = "http")]
    pub fn http<M2>(self) -> FallbackLayer<F, E, RetryHttp, Q, M2> {
        self.classifier(RetryHttp)
    }

    /// Copies requests with `f`, for requests that are not `Clone` or must not all be answered twice. A failed call for
    /// which it returned `None` is not answered.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::FallbackLayer;
    ///
    /// struct Query { sql: &'static str, read_only: bool }
    ///
    /// let layer = FallbackLayer::new(async |query: Query, _| Ok::<_, String>(query.sql.len()))
    ///     .replay(|query: &Query| query.read_only.then_some(Query { ..*query }));
    /// # let _ = layer;
    /// ```
    pub fn replay<Req, C>(self, f: C) -> FallbackLayer<F, E, V, ReplayWith<C>, M>
    where
        C: Fn(&Req) -> Option<Req> + Clone,
    {
        self.replayer(ReplayWith::new(f))
    }

    /// Copies requests with an implementation of [`Replay`](crate::Replay), such as that of a retry policy.
    pub fn replayer<Q2>(self, replay: Q2) -> FallbackLayer<F, E, V, Q2, M> {
        FallbackLayer {
            parts: self.parts,
            replay,
            errors: PhantomData,
        }
    }

    /// Names the layer, for traces and for metrics (feature `metrics`, for named layers only).
    ///
    /// `maestro_retry_fallbacks_total` counts failed calls, with the labels `name` and `result`:
    ///
    /// | `result` | |
    /// |---|---|
    /// | `answered` | the answer is a success |
    /// | `failed` | the answer is a failure too |
    /// | `cancelled` | the caller gave up before there was an answer, or the closure panicked |
    /// | `not_repeatable` | the request was not copied, and the failed result was the answer |
    ///
    /// The series of two layers with one name add up: give each its own.
    pub fn named(mut self, name: impl Into<Name>) -> Self {
        let observer = FallbackObserver::new(name.into().as_str());
        self.parts.observer = Some(Arc::new(observer));
        self
    }

    /// Takes the counters from the recorder now, instead of at the first use after it was installed. They then exist, at
    /// zero, before the first call. A layer without a [name](Self::named) has none. Feature `metrics`.
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        if let Some(observer) = &self.parts.observer {
            observer.resolve_metrics();
        }
    }
}

impl<S, F: Clone, E, V: Clone, Q: Clone, M> Layer<S> for FallbackLayer<F, E, V, Q, M> {
    type Service = FallbackService<S, F, E, V, Q, M>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.clone())
    }
}

// Not derived: that would ask for `E: Clone` and `M: Clone`.
impl<F: Clone, E, V: Clone, Q: Clone, M> Clone for FallbackLayer<F, E, V, Q, M> {
    fn clone(&self) -> Self {
        Self {
            parts: self.parts.clone(),
            replay: self.replay.clone(),
            errors: PhantomData,
        }
    }
}

impl<F, E, V: fmt::Debug, Q: fmt::Debug, M> fmt::Debug for FallbackLayer<F, E, V, Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.parts.observer.as_ref().map(|observer| observer.name());
        f.debug_struct("FallbackLayer")
            .field("name", &name)
            .field("f", &format_args!("{}", type_name::<F>()))
            .field("classifier", &self.parts.classifier)
            .field("replay", &self.replay)
            .finish()
    }
}
