//! The tower side: layers, services, their futures, and what the user plugs into them.

#[cfg(feature = "http-body")]
mod body;
mod classify;
mod end;
mod future;
#[cfg(feature = "http")]
mod http;
mod reject;
mod service;
mod source;
mod wait;

use std::marker::PhantomData;

use tower_layer::Layer;

#[cfg(feature = "http")]
pub use self::http::{ClassifyChosen, ClassifyHttp};
pub(crate) use self::source::Sealed;
#[cfg(feature = "http-body")]
pub use self::{body::CallBody, end::AtBodyEnd};
pub use self::{
    classify::{Classify, ClassifyWith, ErrIsFailure, FailureIf, IgnoreRejections},
    end::{AtHead, CallEnd},
    future::ResponseFuture,
    reject::{Answer, Fallback, IntoError, OnReject},
    service::CircuitBreakerService,
    source::Source,
    wait::{WaitFuture, WaitLayer, WaitService},
};
use crate::{
    breaker::CircuitBreaker,
    types::{Open, Outcome},
};

/// Puts a service behind a circuit breaker.
///
/// The layer makes no state: everything it is applied to shares the state of the breaker it was
/// made of.
///
/// `C` classifies results, `R` answers rejected calls, `B` is the breaker or a `&'static` one, and `E` is the moment at
/// which a call ends ([`CallEnd`]).
#[derive(Clone, Copy, Debug)]
pub struct CircuitBreakerLayer<C = ErrIsFailure, R = IntoError, B = CircuitBreaker, E = AtHead> {
    classifier: C,
    reject: R,
    source: B,
    end: PhantomData<E>,
}

impl<B: Sealed> CircuitBreakerLayer<ErrIsFailure, IntoError, B> {
    /// A layer over `breaker`: a [`CircuitBreaker`] handle, or `&'static` to a
    /// [`StaticCircuitBreaker`](crate::StaticCircuitBreaker).
    #[must_use]
    pub const fn new(breaker: B) -> Self {
        Self {
            classifier: ErrIsFailure,
            reject: IntoError,
            source: breaker,
            end: PhantomData,
        }
    }
}

impl<C, R, B, E> CircuitBreakerLayer<C, R, B, E> {
    /// Counts a result as a failure where `f` returns true, and as a success otherwise.
    #[must_use]
    #[doc(alias(
        "recordExceptions",
        "recordException",
        "ShouldHandle",
        "failure_classifier",
        "FailurePredicate"
    ))]
    pub fn failure_if<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<FailureIf<F>, R, B, E>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(FailureIf(f))
    }

    /// Classifies each result with a closure: as a success, a failure, or neither.
    ///
    /// The closure decides alone. Rejections by layers further in (a full bulkhead) say nothing about the backend. Ignore
    /// them, or local overload opens the breaker: [`MayReject::is_rejection`](crate::MayReject::is_rejection) tells.
    #[must_use]
    #[doc(alias("ignoreExceptions", "ignoreException", "recordResult"))]
    pub fn classify<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<ClassifyWith<F>, R, B, E>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Ignores errors that are rejections by layers further in, such as a full bulkhead, which say nothing about the backend.
    /// All other errors are failures, and each `Ok` is a success.
    ///
    /// A rejection is recognized by the last of its sources, which says `do not retry here`, as those of the sibling crates
    /// do. A rejection that `on_reject` has answered is an `Ok`: use [`http`](Self::http) then, which ignores both.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
    /// use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # let inner = CircuitBreaker::builder().consecutive_failures(1).build("replica")?;
    /// # inner.try_acquire()?.failure();
    /// let breaker = CircuitBreaker::new("db");
    /// let mut db = ServiceBuilder::new()
    ///     .layer(CircuitBreakerLayer::new(breaker.clone()).ignore_rejections())
    ///     .layer(CircuitBreakerLayer::new(inner)) // open
    ///     .service(service_fn(async |()| Ok::<_, BoxError>(())));
    /// assert!(db.ready().await?.call(()).await.is_err());
    /// assert_eq!(breaker.snapshot().calls(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ignore_rejections<M>(self) -> CircuitBreakerLayer<IgnoreRejections<M>, R, B, E> {
        self.classifier(IgnoreRejections::NEW)
    }

    /// Classifies each result with your type, an implementation of [`Classify`].
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> CircuitBreakerLayer<C2, R, B, E> {
        CircuitBreakerLayer {
            classifier,
            reject: self.reject,
            source: self.source,
            end: PhantomData,
        }
    }

    /// Classifies HTTP responses by their status, and gRPC responses by the code in their head, as the
    /// [table](crate::guide::meaning) says. See [`ClassifyHttp`]. Feature `http`.
    ///
    /// A gRPC failure mostly comes in the trailers, which only [`grpc`](Self::grpc) sees.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
    /// use std::{convert::Infallible, time::Duration};
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let breaker = CircuitBreaker::builder().consecutive_failures(1).build("prices")?;
    /// let mut prices = ServiceBuilder::new()
    ///     .layer(CircuitBreakerLayer::new(breaker.clone()).http().on_reject(Open::http_response))
    ///     .service(service_fn(async |_: Request<()>| {
    ///         let response = Response::builder().status(503).header("retry-after", "60");
    ///         Ok::<_, Infallible>(response.body(String::new()).unwrap())
    ///     }));
    /// prices.ready().await?.call(Request::new(())).await?;
    /// // The breaker is open, and for as long as the server asks.
    /// assert_eq!(breaker.snapshot().retry_after(), Some(Duration::from_secs(60)));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http<M>(self) -> CircuitBreakerLayer<ClassifyHttp<M>, R, B, E> {
        self.classifier(ClassifyHttp::NEW)
    }

    /// [`http`](Self::http) with [`until_body_end`](Self::until_body_end): the code of a gRPC response is mostly in its
    /// trailers. Feature `http-body`.
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn grpc<M, N>(self) -> CircuitBreakerLayer<ClassifyHttp<M>, R, B, AtBodyEnd<N>> {
        self.http().until_body_end()
    }

    /// Ends a call when the body of its response ends, fails or is dropped, and not when its head is ready. Feature
    /// `http-body`.
    ///
    /// The type of the response body becomes [`CallBody`]. Nothing is buffered. A head that is not a success ends the call
    /// at once. After a head that is one:
    ///
    /// | body | outcome |
    /// |---|---|
    /// | ends, or has all bytes of its `Content-Length` | what [`Classify::classify_end`] says of the end: by default a gRPC code as the [table](crate::guide::meaning) has it, any other end is a success |
    /// | fails | failure; ignored if the error is a rejection by a layer further in, such as a caller's deadline |
    /// | panics | failure |
    /// | is dropped before its end | cancelled, see [`Builder::on_cancel`](crate::Builder::on_cancel) |
    ///
    /// A call is slow by the time until its head: how long the body takes depends on its reader. To bound a body that hangs,
    /// put a timeout for bodies inside: its error makes the body fail.
    ///
    /// A **probe** of a half-open breaker is not held by a reader. It ends with its head, or, if that begins a gRPC response
    /// with a code to come, with the first frame that is not empty: data is a success, trailers are what their code means. If no frame came by
    /// the [`probe_deadline`](crate::Builder::probe_deadline), the head counts, and the probe has succeeded.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, Request, Response};
    /// use http_body_util::{BodyExt, Empty};
    /// use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let breaker = CircuitBreaker::new("greeter");
    /// let mut greeter = ServiceBuilder::new()
    ///     .layer(CircuitBreakerLayer::new(breaker.clone()).grpc())
    ///     .service(service_fn(async |_: Request<()>| {
    ///         let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), 13.into())]);
    ///         let body = Empty::<&[u8]>::new().with_trailers(async { Some(Ok(trailers)) });
    ///         Ok::<_, Open>(Response::new(Box::pin(body)))
    ///     }));
    /// let response = greeter.ready().await?.call(Request::new(())).await?;
    /// assert_eq!(breaker.snapshot().calls(), 0);
    /// response.into_body().collect().await?;
    /// assert_eq!(breaker.snapshot().failures(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn until_body_end<N>(self) -> CircuitBreakerLayer<C, R, B, AtBodyEnd<N>> {
        CircuitBreakerLayer {
            classifier: self.classifier,
            reject: self.reject,
            source: self.source,
            end: PhantomData,
        }
    }

    /// Answers rejected calls with `f(open)`: a 503 (`Open::http_response`, feature `http`), or an error made by
    /// hand. The error type then needs no `From<Open>`.
    ///
    /// Such a response is an `Ok`, and so a success to the default classifier of a layer further out, a second breaker
    /// among them. Give those `.http()`, which sees what the response stands for.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<C, Answer<F>, B, E>
    where
        F: Fn(Open) -> Result<Res, Err> + Clone,
    {
        CircuitBreakerLayer {
            classifier: self.classifier,
            reject: Answer(f),
            source: self.source,
            end: PhantomData,
        }
    }

    /// Answers rejected calls with `f(open, request)`: a value from a cache, by the key of the
    /// request.
    ///
    /// For a fallback that must await, or that answers every failure, see `FallbackLayer` of the crate `maestro-retry`.
    #[must_use]
    #[doc(alias("with_fallback"))]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> CircuitBreakerLayer<C, Fallback<F>, B, E>
    where
        F: Fn(Open, Req) -> Result<Res, Err> + Clone,
    {
        CircuitBreakerLayer {
            classifier: self.classifier,
            reject: Fallback(f),
            source: self.source,
            end: PhantomData,
        }
    }
}

impl<C, B, E> CircuitBreakerLayer<C, IntoError, B, E> {
    /// Lets calls wait until the breaker admits them, instead of rejecting them.
    ///
    /// There is no `on_reject` beside it: nothing is rejected.
    #[must_use]
    pub const fn wait(self) -> WaitLayer<C, B, E> {
        WaitLayer::new(self)
    }
}

impl<S, C: Clone, R: Clone, B: Clone, E> Layer<S> for CircuitBreakerLayer<C, R, B, E> {
    type Service = CircuitBreakerService<S, C, R, B, E>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(
            inner,
            self.classifier.clone(),
            self.reject.clone(),
            self.source.clone(),
        )
    }
}
