//! One request, as all rows measure it.

use std::{
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tower::Service;

use crate::Trouble;

/// The request of the measured services: its number.
pub type Request = u64;

/// The response of the measured services.
pub type Response = u64;

/// A measured service or object, created outside the loop. It belongs to one thread.
pub trait Measured: Send {
    /// Serves `requests` requests, one after the other, and does nothing else.
    fn run(&mut self, requests: u64);

    /// Does the same and counts the results, so that a test can check that a row does what its name says.
    fn answers(&mut self, requests: u64) -> Answers;
}

/// The number of requests that succeeded and that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "two counts, for this package's own tests"
)]
pub struct Answers {
    /// Requests that returned `Ok`.
    pub good: u64,
    /// Requests that returned `Err`.
    pub bad: u64,
}

/// The services that a driver drives. A layer of another crate keeps its own error type.
pub(crate) trait Driven:
    Service<Request, Response = Response> + Clone + Send + 'static
{
}

impl<S> Driven for S where S: Service<Request, Response = Response> + Clone + Send + 'static {}

/// The services of our rows, and the inner ones of all rows.
pub(crate) trait Measurable: Driven + Service<Request, Error = Trouble> {}

impl<S> Measurable for S where S: Driven + Service<Request, Error = Trouble> {}

/// A service that is driven without a runtime: made ready, called, and polled to its end with a waker that does
/// nothing.
#[repr(align(128))] // No line is shared with the driver of another thread.
pub(crate) struct Requests<S>(pub(crate) S);

/// A service that is cloned for each request, as axum and hyper-util do. The order is that of tower's `Oneshot`: the
/// clone is made ready and called, it is dropped, and the future is polled to its end.
#[repr(align(128))]
pub(crate) struct Clones<S>(pub(crate) S);

/// An object that is used without tower, or a primitive.
#[repr(align(128))]
pub(crate) struct Repeats<F>(pub(crate) F);

// === impl Requests ===

impl<S: Driven> Requests<S> {
    // Not `inline(always)`: with it half of the rows cost more and half less.
    #[inline]
    fn one(&mut self, request: Request, cx: &mut Context<'_>) -> Result<Response, S::Error> {
        match self.0.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => unreachable!("every inner service here is always ready"),
        }
        let mut call = pin!(self.0.call(request));
        loop {
            if let Poll::Ready(result) = call.as_mut().poll(cx) {
                return result;
            }
        }
    }
}

impl<S: Driven> Measured for Requests<S> {
    fn run(&mut self, requests: u64) {
        let mut cx = Context::from_waker(Waker::noop());
        for request in 0..requests {
            black_box(&self.one(black_box(request), &mut cx));
        }
    }

    fn answers(&mut self, requests: u64) -> Answers {
        let mut cx = Context::from_waker(Waker::noop());
        count(requests, |request| self.one(request, &mut cx))
    }
}

// === impl Clones ===

impl<S: Driven> Clones<S> {
    #[inline]
    fn one(&self, request: Request, cx: &mut Context<'_>) -> Result<Response, S::Error> {
        let mut service = self.0.clone();
        match service.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => unreachable!("every inner service here is always ready"),
        }
        let mut call = pin!(service.call(request));
        drop(service);
        loop {
            if let Poll::Ready(result) = call.as_mut().poll(cx) {
                return result;
            }
        }
    }
}

impl<S: Driven> Measured for Clones<S> {
    fn run(&mut self, requests: u64) {
        let mut cx = Context::from_waker(Waker::noop());
        for request in 0..requests {
            black_box(&self.one(black_box(request), &mut cx));
        }
    }

    fn answers(&mut self, requests: u64) -> Answers {
        let mut cx = Context::from_waker(Waker::noop());
        count(requests, |request| self.one(request, &mut cx))
    }
}

// === impl Repeats ===

impl<R, E, F: FnMut(Request) -> Result<R, E> + Send> Measured for Repeats<F> {
    fn run(&mut self, requests: u64) {
        for request in 0..requests {
            black_box(&(self.0)(black_box(request)));
        }
    }

    fn answers(&mut self, requests: u64) -> Answers {
        count(requests, &mut self.0)
    }
}

fn count<R, E>(requests: u64, mut one: impl FnMut(Request) -> Result<R, E>) -> Answers {
    let mut answers = Answers::default();
    for request in 0..requests {
        match one(request) {
            Ok(_) => answers.good += 1,
            Err(_) => answers.bad += 1,
        }
    }
    answers
}
