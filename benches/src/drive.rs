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

/// A measured service or object, created outside the loop.
pub trait Measured {
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

/// A service that is driven without a runtime: made ready, called, and polled to its end with a waker that does
/// nothing.
pub(crate) struct Requests<S>(pub(crate) S);

/// An object that is used without tower, or a primitive.
pub(crate) struct Repeats<F>(pub(crate) F);

// === impl Requests ===

impl<S: Service<Request, Response = Response, Error = Trouble>> Requests<S> {
    // Not `inline(always)`: with it half of the rows cost more and half less.
    #[inline]
    fn one(&mut self, request: Request, cx: &mut Context<'_>) -> Result<Response, Trouble> {
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

impl<S: Service<Request, Response = Response, Error = Trouble>> Measured for Requests<S> {
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

impl<R, E, F: FnMut(Request) -> Result<R, E>> Measured for Repeats<F> {
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
