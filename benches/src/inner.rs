//! The services that the layers are measured over. Each is a floor of its own: what it costs is taken off.

use std::{
    cell::Cell,
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use tower::Service;

use crate::{Request, Response, Trouble};

/// The request that fails, and that nobody makes. Without it the compiler would see that the service cannot
/// fail, and leave away what a layer does about failures.
const FAILS: Request = Request::MAX;

/// Does nothing and is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

/// Does nothing and is pending once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingOnce;

/// Ready; one call in `every` fails, the last.
///
/// The count is in the request, not here: a layer that clones the service must not start it anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailsOneIn<const EVERY: u64>;

/// Ready; every other call fails, beginning with the first: a request that is tried twice succeeds.
///
/// Clones share the turn, so it does not matter which of them a layer calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailsEveryOther {
    fails: &'static Cell<bool>,
}

/// The future of [`PendingOnce`]. Whoever measures polls again without being woken.
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
        // Leaked, a byte for each row that is made: a reference count would be a cost of the measured clone.
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
