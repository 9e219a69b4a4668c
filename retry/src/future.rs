//! The future of the service.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::time::Sleep;
use tower_service::Service;

use crate::{
    Budget, Classify, CloneRequest, Now, Replay, RetryErrors, Unlimited, course::Course,
    rules::Rules, wait,
};

/// The response of a [`RetryService`](crate::RetryService): one attempt after another, and the waits between.
///
/// # Panics
///
/// Outside a tokio runtime with time enabled, when a wait that is not zero begins. Polled again after it
/// was ready.
///
/// # Cancel safety
///
/// Dropping it drops the attempt that runs, or ends the wait at once; a retry that had not begun is given
/// back to the budget. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<
    S: Service<Req>,
    Req,
    V = RetryErrors,
    Q = CloneRequest,
    B: Budget = Unlimited,
> {
    #[pin]
    state: State<S::Future, B::Hold, B::Retry>,
    /// Serves all attempts but the first. `None` where none can follow that one.
    spare: Option<S>,
    /// What the next attempt will send. `None` where no more can follow.
    copy: Option<Req>,
    course: Course,
    rules: Rules<V, Q, B>,
    /// `None` once the call has ended.
    call: Option<B::Call>,
}

#[pin_project(project = StateProjection, project_replace = StateOwned)]
enum State<F, H, R> {
    /// An attempt runs. The first one is no retry.
    Calling {
        #[pin]
        attempt: F,
        retry: Option<R>,
    },
    Waiting {
        #[pin]
        timer: Sleep,
        hold: H,
    },
    /// Before a further attempt: the spare service becomes ready.
    Readying {
        hold: H,
    },
    Ended,
}

impl<S: Service<Req>, Req, V, Q, B: Budget> ResponseFuture<S, Req, V, Q, B> {
    pub(crate) fn new(
        first: S::Future,
        spare: Option<(S, Req)>,
        course: Course,
        call: B::Call,
        rules: Rules<V, Q, B>,
    ) -> Self {
        let (spare, copy) = spare.unzip();
        Self {
            state: State::Calling {
                attempt: first,
                retry: None,
            },
            spare,
            copy,
            course,
            rules,
            call: Some(call),
        }
    }
}

impl<S, Req, V, Q, B> Future for ResponseFuture<S, Req, V, Q, B>
where
    S: Service<Req>,
    V: Classify<Req, S::Response, S::Error>,
    Q: Replay<Req>,
    B: Budget,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = loop {
            match this.state.as_mut().project() {
                StateProjection::Calling { attempt, retry } => {
                    let result = ready!(attempt.poll(cx));
                    // The retry that this was has ended, for a budget that counts those in flight.
                    *retry = None;
                    let copy = this.copy.as_ref();
                    let Some(again) = this.rules.after(this.course, copy, copy.is_some(), &result)
                    else {
                        break result;
                    };
                    // What failed goes before the wait begins: the result, and with its future the
                    // connection it may hold.
                    drop(result);
                    this.state.set(State::Readying { hold: again.hold });
                    if !again.wait.is_zero() {
                        let timer = wait::timer(again.wait, &again.now);
                        this.state.as_mut().delay(timer);
                    } else if wait::is_long_run(this.course.number) {
                        return wait::give_way(cx);
                    }
                }
                StateProjection::Waiting { timer, .. } => {
                    ready!(timer.poll(cx));
                    let hold = this.state.as_mut().take_hold();
                    this.state.set(State::Readying { hold });
                }
                StateProjection::Readying { .. } => {
                    let spare = this.spare.as_mut().expect("kept where a retry can follow");
                    if let Err(error) = ready!(spare.poll_ready(cx)) {
                        break Err(error);
                    }
                    let request = this.copy.take().expect("kept where a retry can follow");
                    this.course.number += 1;
                    if this.rules.may_follow(this.course, &Now::unread()) {
                        *this.copy = this.rules.replay.replay(&request);
                    }
                    // The hold is spent before the call: should that panic, the attempt has begun.
                    let hold = this.state.as_mut().take_hold();
                    let retry = Some(this.rules.budget.spend(hold));
                    let attempt = spare.call(request);
                    this.state.set(State::Calling { attempt, retry });
                }
                StateProjection::Ended => panic!("polled after it was ready"),
            }
        };
        // All that the call held goes now, not when somebody gets round to dropping this future. A hold
        // that is left goes back to the budget.
        this.state.set(State::Ended);
        *this.spare = None;
        *this.copy = None;
        *this.call = None;
        Poll::Ready(result)
    }
}

impl<F, H, R> State<F, H, R> {
    fn delay(mut self: Pin<&mut Self>, timer: Sleep) {
        let hold = self.as_mut().take_hold();
        self.set(Self::Waiting { timer, hold });
    }

    fn take_hold(self: Pin<&mut Self>) -> H {
        match self.project_replace(Self::Ended) {
            StateOwned::Waiting { hold, .. } | StateOwned::Readying { hold } => hold,
            StateOwned::Calling { .. } | StateOwned::Ended => {
                unreachable!("a hold is there from the decision to the attempt")
            }
        }
    }
}

impl<S: Service<Req>, Req, V, Q, B: Budget> fmt::Debug for ResponseFuture<S, Req, V, Q, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("course", &self.course)
            .finish_non_exhaustive()
    }
}
