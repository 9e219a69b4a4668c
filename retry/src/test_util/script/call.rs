//! A call of a script.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

use super::{InFlight, Shared, State};

/// A call in flight of a [`Script`](super::Script). Dropping it before it is ready cancels the call.
pub struct ScriptedCall<Req, Res, Err> {
    shared: Shared<Req, Res, Err>,
    number: usize,
    timer: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

// === impl ScriptedCall ===

impl<Req, Res, Err> ScriptedCall<Req, Res, Err> {
    pub(super) fn new(shared: Shared<Req, Res, Err>, number: usize, after: Duration) -> Self {
        Self {
            shared,
            number,
            timer: (!after.is_zero()).then(|| Box::pin(sleep(after))),
            is_over: false,
        }
    }

    /// Takes the call from those in flight.
    fn end(&mut self, state: &mut State<Req, Res, Err>) -> Option<InFlight<Res, Err>> {
        self.is_over = true;
        let at = (state.in_flight.iter()).position(|call| call.number == self.number)?;
        Some(state.in_flight.remove(at))
    }
}

// Nothing in it is pinned but what is in a box.
impl<Req, Res, Err> Unpin for ScriptedCall<Req, Res, Err> {}

impl<Req, Res, Err> Future for ScriptedCall<Req, Res, Err> {
    type Output = Result<Res, Err>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let number = self.number;
        let call = (state.in_flight.iter_mut()).find(|call| call.number == number);
        let call = call.expect("a call is not polled after it was ready");
        let Some(result) = call.result.take() else {
            let former = call.waker.replace(cx.waker().clone());
            drop(state);
            drop(former); // with no lock held: it may own a task with another call of this script
            return Poll::Pending;
        };
        self.end(&mut state);
        Poll::Ready(result)
    }
}

impl<Req, Res, Err> Drop for ScriptedCall<Req, Res, Err> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.cancelled += 1;
        let ended = self.end(&mut state);
        // Not under the lock: what is dropped may ask the script.
        drop(state);
        drop(ended);
    }
}

impl<Req, Res, Err> fmt::Debug for ScriptedCall<Req, Res, Err> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedCall")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
