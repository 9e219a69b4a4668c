//! The inner services of the rows. Each of them is also a floor, whose cost is subtracted.

use std::{
    cell::Cell,
    future::{Future, Ready, ready as at_once},
    hint::black_box,
    pin::Pin,
    task::{Context, Poll},
};

use tower::Service;

use crate::{Request, Response, Trouble};

/// A service that does nothing and is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

/// A service that does nothing and is pending once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingOnce;

/// A service that is ready; each call is an error at once, without a future of an inner call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refuses;

/// A service that is ready; the last of each `EVERY` calls fails.
///
/// The count is in the request, because a layer that clones the service must not restart it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailsOneIn<const EVERY: u64>;

/// A service that is ready; all but the last of each `EVERY` calls fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SucceedsOneIn<const EVERY: u64>;

/// A service that is ready; every other call fails, beginning with the first, so that a request succeeds at the
/// second attempt.
///
/// Whose turn it is belongs to the thread: clones share it, so a layer may call any of them, and threads do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailsEveryOther(());

#[cfg(test)]
thread_local! {
    /// The calls of inner services that this thread has polled to their end.
    static ENDED: Cell<u64> = const { Cell::new(0) };
}

/// Runs `work`, and says how many calls of inner services it polls to their end.
#[cfg(test)]
pub(crate) fn ended<T>(work: impl FnOnce() -> T) -> (T, u64) {
    ENDED.set(0);
    let done = work();
    (done, ENDED.get())
}

thread_local! {
    static FAILS: Cell<bool> = const { Cell::new(true) };
}

/// The inner service of a row whose layers are compiled apart from those of the row without it.
///
/// The compiler inlines a function that is called from one place, and not one that two drivers call: without it, the
/// cloned rows made the others cost up to 22 instructions more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Apart<S>(pub(crate) S);

/// The future of all inner services.
///
/// The compiler knows neither whether it is pending nor whether it fails. A layer above a future that is known to be
/// ready loses the half of its code that waits, and one above a service that is known to succeed the half that
/// handles failures: tower's `Retry` over `ready(Ok(request))` measured 0 instructions instead of 17.
///
/// It never wakes its task; the driver polls it again.
#[derive(Debug)]
pub(crate) struct Reply {
    pending: bool,
    fails: bool,
    request: Request,
}

// === impl Nothing ===

impl Service<Request> for Nothing {
    type Response = Response;
    type Error = Trouble;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready()
    }

    fn call(&mut self, request: Request) -> Reply {
        Reply::new(request, false, false)
    }
}

// === impl PendingOnce ===

impl Service<Request> for PendingOnce {
    type Response = Response;
    type Error = Trouble;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready()
    }

    fn call(&mut self, request: Request) -> Reply {
        Reply::new(request, true, false)
    }
}

// === impl Refuses ===

impl Service<Request> for Refuses {
    type Response = Response;
    type Error = Trouble;
    type Future = Ready<Result<Response, Trouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready()
    }

    fn call(&mut self, _: Request) -> Self::Future {
        at_once(Err(Trouble::Failed))
    }
}

// === impl FailsOneIn ===

impl<const EVERY: u64> Service<Request> for FailsOneIn<EVERY> {
    type Response = Response;
    type Error = Trouble;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready()
    }

    fn call(&mut self, request: Request) -> Reply {
        Reply::new(request, false, request % EVERY == EVERY - 1)
    }
}

// === impl SucceedsOneIn ===

impl<const EVERY: u64> Service<Request> for SucceedsOneIn<EVERY> {
    type Response = Response;
    type Error = Trouble;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready()
    }

    fn call(&mut self, request: Request) -> Reply {
        Reply::new(request, false, request % EVERY != EVERY - 1)
    }
}

// === impl FailsEveryOther ===

impl FailsEveryOther {
    pub(crate) fn new() -> Self {
        FAILS.set(true);
        Self(())
    }
}

impl Service<Request> for FailsEveryOther {
    type Response = Response;
    type Error = Trouble;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready()
    }

    fn call(&mut self, request: Request) -> Reply {
        let fails = FAILS.get();
        FAILS.set(!fails);
        Reply::new(request, false, fails)
    }
}

// === impl Apart ===

impl<S: Service<Request>> Service<Request> for Apart<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

// === impl Reply ===

impl Reply {
    fn new(request: Request, pending: bool, fails: bool) -> Self {
        Self {
            pending: black_box(pending),
            fails: black_box(fails),
            request,
        }
    }
}

impl Future for Reply {
    type Output = Result<Response, Trouble>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending {
            self.pending = false;
            return Poll::Pending;
        }
        #[cfg(test)]
        ENDED.set(ENDED.get() + 1);
        if self.fails {
            Poll::Ready(Err(Trouble::Failed))
        } else {
            Poll::Ready(Ok(self.request))
        }
    }
}

/// The service may be pending and may fail, as far as the compiler knows.
fn ready() -> Poll<Result<(), Trouble>> {
    match black_box(0_u8) {
        0 => Poll::Ready(Ok(())),
        1 => Poll::Pending,
        _ => Poll::Ready(Err(Trouble::Failed)),
    }
}
