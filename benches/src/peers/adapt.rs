//! What makes the peers measurable: services around a breaker that has none, and drivers without tower.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use failsafe::{FailurePolicy, Instrument, futures::CircuitBreaker as _};
use recloser::{AnyError, AsyncRecloser, RecloserFuture};
use tower::Service;

use crate::{
    Kind, Request, Response, Row, Trouble,
    inner::{FailsEveryOther, FailsOneIn, Nothing, PendingOnce, Reply},
};

pub(super) const FUTURE: &str = "floor, ready, without readiness";
pub(super) const FUTURE_PENDING: &str = "floor, pending once, without readiness";
pub(super) const FUTURE_1_IN_16: &str = "floor, one failure in 16, without readiness";
pub(super) const FUTURE_FAILS: &str = "floor, every call fails, without readiness";
pub(super) const FUTURE_EVERY_OTHER: &str = "floor, every other call fails, without readiness";

/// The floors of what is driven without tower.
pub(super) fn floors() -> Vec<Row> {
    [
        Row::object(FUTURE, FUTURE, || {
            |request| drive(call(&mut Nothing, request))
        }),
        Row::object(FUTURE_PENDING, FUTURE_PENDING, || {
            |request| drive(call(&mut PendingOnce, request))
        }),
        Row::object(FUTURE_1_IN_16, FUTURE_1_IN_16, || {
            |request| drive(call(&mut FailsOneIn::<16>, request))
        })
        .bad_in_16(1),
        Row::object(FUTURE_FAILS, FUTURE_FAILS, || {
            |request| drive(call(&mut FailsOneIn::<1>, request))
        })
        .bad_in_16(16),
        Row::object(FUTURE_EVERY_OTHER, FUTURE_EVERY_OTHER, || {
            let mut inner = FailsEveryOther::new();
            move |request| drive(call(&mut inner, request))
        })
        .bad_in_16(8),
    ]
    .map(|row| row.kind(Kind::Floor))
    .into()
}

/// Calls an inner service whose readiness is not asked, as peers without readiness do.
#[inline]
pub(super) fn call<S: Service<Request, Future = Reply>>(inner: &mut S, request: Request) -> Reply {
    inner.call(request)
}

/// Polls a future to its end, as the driver of services does.
#[inline]
pub(super) fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

// === breakers without a service ===

/// recloser around a service, as its documentation wraps a future.
#[derive(Clone, Debug)]
pub(super) struct Reclosed<S> {
    pub(super) recloser: AsyncRecloser,
    pub(super) inner: S,
}

/// failsafe around a service.
pub(super) struct Failsafe<S, P, I> {
    pub(super) breaker: failsafe::StateMachine<P, I>,
    pub(super) inner: S,
}

impl<S: Service<Request>> Service<Request> for Reclosed<S> {
    type Response = S::Response;
    type Error = recloser::Error<S::Error>;
    type Future = RecloserFuture<S::Future, AnyError>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(recloser::Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        self.recloser.call(self.inner.call(request))
    }
}

impl<S, P, I> Service<Request> for Failsafe<S, P, I>
where
    S: Service<Request>,
    P: FailurePolicy + Send + Sync,
    I: Instrument + Send + Sync,
{
    type Response = S::Response;
    type Error = failsafe::Error<S::Error>;
    type Future = failsafe::futures::ResponseFuture<S::Future, P, I, failsafe::Any>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(failsafe::Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        self.breaker.call(self.inner.call(request))
    }
}

impl<S: Clone, P, I> Clone for Failsafe<S, P, I> {
    fn clone(&self) -> Self {
        Self {
            breaker: self.breaker.clone(),
            inner: self.inner.clone(),
        }
    }
}

// === seatbelt ===

/// An inner service with the trait of seatbelt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layered<S>(pub(super) S);

impl<S> layered::Service<Request> for Layered<S>
where
    S: Service<Request, Future = Reply> + Copy + Send + Sync,
{
    type Out = Result<Response, Trouble>;

    #[inline]
    fn execute(&self, request: Request) -> impl Future<Output = Self::Out> + Send {
        call(&mut { self.0 }, request)
    }
}

/// Drives a service of seatbelt, which is shared by reference.
pub(super) fn executes<S>(
    service: S,
) -> impl FnMut(Request) -> Result<Response, Trouble> + Clone + Send + 'static
where
    S: layered::Service<Request, Out = Result<Response, Trouble>> + Clone + 'static,
{
    move |request| drive(service.execute(black_box(request)))
}
