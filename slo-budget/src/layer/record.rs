use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pin_project::pin_project;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

#[cfg(feature = "http-body")]
use crate::layer::AtBodyEnd;
use crate::{
    budget::ErrorBudget,
    layer::{
        AtHead, BadIf, CallEnd, Classify, ClassifyTimed, ClassifyWith, ErrIsBad, Source, end::Head,
        source::sealed,
    },
    observation::Observation,
    record::Core,
    types::Event,
};

/// Counts the calls of a service against an error budget. It refuses none: put a [`GateLayer`](crate::GateLayer)
/// outside of it for that, whose refusals are then not counted.
///
/// Every service that the layer makes is counted in the budget of the layer.
///
/// `C` classifies calls. `B` is the [source](Source) of the budget: a handle, a `&'static` one, or a family
/// [by key](crate::ErrorBudgets::by). `E` says [when a call ends](CallEnd).
#[doc(alias("SLI", "indicator"))]
#[derive(Clone, Copy, Debug)]
pub struct ErrorBudgetLayer<C = ErrIsBad, B = ErrorBudget, E = AtHead> {
    classifier: C,
    slow_after: Duration,
    budget: B,
    end: PhantomData<fn() -> E>,
}

/// A service whose calls are counted. Made by [`ErrorBudgetLayer`].
///
/// `poll_ready` is that of the inner service, and nothing of it is counted. A call is counted once: when it ends,
/// when it panics, or when it is dropped.
#[derive(Clone, Copy, Debug)]
pub struct ErrorBudgetService<S, C = ErrIsBad, B = ErrorBudget, E = AtHead> {
    inner: S,
    classifier: C,
    slow_after: Duration,
    budget: B,
    end: PhantomData<fn() -> E>,
}

/// The response of an [`ErrorBudgetService`](crate::ErrorBudgetService): the inner call with its observation.
///
/// # Cancel safety
///
/// A call that is dropped before it is ready was cancelled, and counts as
/// [`Builder::on_cancel`](crate::Builder::on_cancel) says.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ErrorBudgetFuture<F, C = ErrIsBad, P: Borrow<Core> = Arc<Core>, E = AtHead> {
    #[pin]
    call: F,
    observation: Option<Observation<P>>,
    classifier: C,
    started: Option<Instant>,
    slow_after: Duration,
    end: PhantomData<fn() -> E>,
}

// === impl ErrorBudgetLayer ===

impl<B: sealed::Source> ErrorBudgetLayer<ErrIsBad, B> {
    /// A layer over `budget`: an [`ErrorBudget`] handle, a `&'static` one, or a family
    /// [by key](crate::ErrorBudgets::by).
    ///
    /// Until a classifier is chosen an `Err` is bad and every response is good: a status of 500, and the answer of a layer
    /// further in that rejected the call or timed out, too. For HTTP use [`http`](#method.http), for gRPC
    /// [`grpc`](#method.grpc).
    #[must_use]
    pub const fn new(budget: B) -> Self {
        Self {
            classifier: ErrIsBad,
            slow_after: Duration::MAX,
            budget,
            end: PhantomData,
        }
    }
}

impl<C, B, E> ErrorBudgetLayer<C, B, E> {
    /// Counts a call as bad if `f` returns true for its result, and as good otherwise.
    #[must_use]
    pub fn bad_if<Res, Err, F>(self, f: F) -> ErrorBudgetLayer<BadIf<F>, B, E>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(BadIf(f))
    }

    /// Classifies calls with a closure, by their result. It may exclude calls.
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> ErrorBudgetLayer<ClassifyWith<F>, B, E>
    where
        F: Fn(&Result<Res, Err>) -> Event + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Classifies calls with a closure, by their result and their latency: the time from `call` until the result
    /// is ready. Costs a clock read more than [`classify`](Self::classify).
    #[doc(alias = "latency")]
    #[must_use]
    pub fn classify_timed<Res, Err, F>(self, f: F) -> ErrorBudgetLayer<ClassifyTimed<F>, B, E>
    where
        F: Fn(&Result<Res, Err>, Duration) -> Event + Clone,
    {
        self.classifier(ClassifyTimed(f))
    }

    /// Classifies calls with your own implementation of [`Classify`].
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> ErrorBudgetLayer<C2, B, E> {
        ErrorBudgetLayer {
            classifier,
            slow_after: self.slow_after,
            budget: self.budget,
            end: PhantomData,
        }
    }

    /// Counts a good call as bad if it took longer than `limit`: "95 % within 250 ms" is an objective of 95 % with
    /// `slow_after` 250 ms. By default no call is too slow.
    ///
    /// Applies to the calls that the classifier, set before or after, calls good.
    #[doc(alias("latency", "threshold"))]
    #[must_use]
    pub fn slow_after(self, limit: Duration) -> Self {
        Self {
            slow_after: limit,
            ..self
        }
    }
}

#[cfg(feature = "http-body")]
impl<C, B> ErrorBudgetLayer<C, B> {
    /// Counts a call when its response body ends, and not when the response is ready. For responses that stream: a
    /// head with status 200 promises nothing about the body.
    ///
    /// The classifier sees the response when its head is ready, with the latency until then. A call that it calls
    /// bad or excludes is counted at once. A good call is
    /// - what its trailers say ([`Classify::classify_end`]: bad, excluded or good by their gRPC code), if the body ends
    ///   within [`slow_after`](Self::slow_after) of the call; good if there are none;
    /// - bad if the body fails, if it ends later, or if it is one of gRPC and ends without a code;
    /// - cancelled ([`Builder::on_cancel`](crate::Builder::on_cancel)) if the body is dropped before its end: a
    ///   body that is not read to its end was not delivered.
    ///
    /// A body with a `Content-Length` ends with its last byte, as a server of HTTP/1 does not ask for more. The response to a
    /// HEAD request is often dropped unread: it was cancelled.
    ///
    /// The body ends as fast as the client reads it: with `slow_after` a client that reads slowly makes its calls bad.
    /// Nothing is buffered.
    ///
    /// It changes the type of the response body, never that of the error.
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
    pub fn until_body_end(self) -> ErrorBudgetLayer<C, B, AtBodyEnd> {
        ErrorBudgetLayer {
            classifier: self.classifier,
            slow_after: self.slow_after,
            budget: self.budget,
            end: PhantomData,
        }
    }
}

impl<S, C: Clone, B: Clone, E> Layer<S> for ErrorBudgetLayer<C, B, E> {
    type Service = ErrorBudgetService<S, C, B, E>;

    fn layer(&self, inner: S) -> Self::Service {
        ErrorBudgetService {
            inner,
            classifier: self.classifier.clone(),
            slow_after: self.slow_after,
            budget: self.budget.clone(),
            end: PhantomData,
        }
    }
}

// === impl ErrorBudgetService ===

impl<S, C, B, E, Req> Service<Req> for ErrorBudgetService<S, C, B, E>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    B: Source<Req>,
    E: CallEnd<S::Response, B::Pointer, C>,
{
    type Response = E::Response;
    type Error = S::Error;
    type Future = ErrorBudgetFuture<S::Future, C, B::Pointer, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // Before the inner `call`: if that panics, the observation is dropped while unwinding, and is bad.
        let observation = self.budget.observe(&request);
        // The clock is read only if the latency matters.
        let timed = C::TIMED || self.slow_after != Duration::MAX;
        let started = timed.then(Instant::now);
        ErrorBudgetFuture {
            call: self.inner.call(request),
            observation: Some(observation),
            classifier: self.classifier.clone(),
            started,
            slow_after: self.slow_after,
            end: PhantomData,
        }
    }
}

// === impl ErrorBudgetFuture ===

impl<F, C, P, E, Res, Err> Future for ErrorBudgetFuture<F, C, P, E>
where
    F: Future<Output = Result<Res, Err>>,
    C: Classify<Res, Err> + Clone,
    P: Borrow<Core>,
    E: CallEnd<Res, P, C>,
{
    type Output = Result<E::Response, Err>;

    /// # Panics
    ///
    /// If it is polled again after it was ready and the inner future panics then.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Held on the stack while other code runs: a panic drops it while unwinding, so that it is bad even if
        // the panic is caught outside and this future is dropped later.
        let observation = this.observation.take();
        let Poll::Ready(result) = this.call.poll(cx) else {
            *this.observation = observation;
            return Poll::Pending;
        };
        let now = Instant::now();
        let latency = this.started.map_or(Duration::ZERO, |started| {
            now.saturating_duration_since(started)
        });
        let event = match this.classifier.classify(&result, latency) {
            Event::Good if latency > *this.slow_after => Event::Bad,
            event => event,
        };
        let head = Head {
            observation,
            event,
            now,
            started: *this.started,
            slow_after: *this.slow_after,
        };
        Poll::Ready(E::respond(result, head, this.classifier))
    }
}

impl<F, C, P: Borrow<Core>, E> fmt::Debug for ErrorBudgetFuture<F, C, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBudgetFuture").finish_non_exhaustive()
    }
}
