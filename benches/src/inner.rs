//! The inner services of the rows. Each of them is also a floor, whose cost is subtracted.

use std::{
    cell::Cell,
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use tower::Service;

use crate::{Request, Response, Trouble};

/// The request that fails. No row sends it.
///
/// Without it the compiler sees that the service cannot fail and removes the failure path of a layer: with
/// `ready(Ok(request))`, tower's `Retry` measured 0 instructions instead of 17. It costs the floor four instructions.
const FAILS: Request = Request::MAX;

/// A service that does nothing and is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

/// A service that does nothing and is pending once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingOnce;

/// A service that is ready; the last of each `EVERY` calls fails.
///
/// The count is in the request, because a layer that clones the service must not restart it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailsOneIn<const EVERY: u64>;

/// A service that is ready; every other call fails, beginning with the first, so that a request succeeds at the
/// second attempt.
///
/// Clones share the turn, so a layer may call any of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailsEveryOther {
    fails: &'static Cell<bool>,
}

/// The future of [`PendingOnce`]. It never wakes its task; the driver polls it again.
#[derive(Debug)]
pub(crate) struct Once {
    polled: bool,
    request: Request,
}

// === impl Nothing ===

impl Service<Request> for Nothing {
    type Response = Response;
    type Error = Trouble;
    type Future = Ready<Result<Response, Trouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ready(answer(request))
    }
}

// === impl PendingOnce ===

impl Service<Request> for PendingOnce {
    type Response = Response;
    type Error = Trouble;
    type Future = Once;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Once {
        Once {
            polled: false,
            request,
        }
    }
}

impl Future for Once {
    type Output = Result<Response, Trouble>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polled {
            Poll::Ready(answer(self.request))
        } else {
            self.polled = true;
            Poll::Pending
        }
    }
}

// === impl FailsOneIn ===

impl<const EVERY: u64> Service<Request> for FailsOneIn<EVERY> {
    type Response = Response;
    type Error = Trouble;
    type Future = Ready<Result<Response, Trouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ready(if request % EVERY == EVERY - 1 {
            Err(Trouble::Failed)
        } else {
            Ok(request)
        })
    }
}

// === impl FailsEveryOther ===

impl FailsEveryOther {
    pub(crate) fn new() -> Self {
        // Leaks a byte for each row that is created. A reference count would be part of the measured clone.
        Self {
            fails: Box::leak(Box::new(Cell::new(true))),
        }
    }
}

impl Service<Request> for FailsEveryOther {
    type Response = Response;
    type Error = Trouble;
    type Future = Ready<Result<Response, Trouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let fails = self.fails.get();
        self.fails.set(!fails);
        ready(if fails {
            Err(Trouble::Failed)
        } else {
            Ok(request)
        })
    }
}

const fn answer(request: Request) -> Result<Response, Trouble> {
    if request == FAILS {
        Err(Trouble::Failed)
    } else {
        Ok(request)
    }
}
