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
    state: State<S::Future, NextOf<S, Req, B>, B::Retry>,
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
enum State<F, N, R> {
    /// An attempt runs. The first one is no retry.
    Calling {
        #[pin]
        attempt: F,
        retry: Option<R>,
    },
    Waiting {
        #[pin]
        timer: Sleep,
        next: N,
    },
    /// Before a further attempt: the spare service becomes ready.
    Readying {
        next: N,
    },
    Ended,
}

type NextOf<S, Req, B> =
    Next<<B as Budget>::Hold, Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>>;

/// What a retry holds from the decision to the attempt.
struct Next<H, O> {
    hold: H,
    /// The result that is the answer if the service is not ready. `None` when it will be waited for.
    failed: Option<O>,
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
                    let (copy, retry) = (this.copy.as_ref(), retry.take());
                    let again =
                        (this.rules).after(this.course, copy, copy.is_some(), retry, &result);
                    let Some(again) = again else {
                        break result;
                    };
                    // What failed goes before the wait begins: the result, and with its future the
                    // connection it may hold.
                    let failed = if this.rules.wait_for_ready() {
                        drop(result);
                        None
                    } else {
                        Some(result)
                    };
                    let hold = again.hold;
                    let next = Next { hold, failed };
                    this.state.set(State::Readying { next });
                    if !again.wait.is_zero() {
                        let timer = wait::timer(again.wait, &again.now);
                        this.state.as_mut().delay(timer);
                    } else if wait::is_long_run(this.course.number) {
                        return wait::give_way(cx);
                    }
                }
                StateProjection::Waiting { timer, .. } => {
                    ready!(timer.poll(cx));
                    let next = this.state.as_mut().take_next();
                    this.state.set(State::Readying { next });
                }
                StateProjection::Readying { next } => {
                    let spare = this.spare.as_mut().expect("kept where a retry can follow");
                    match spare.poll_ready(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => {
                            this.rules.not_ready(this.course);
                            break Err(error);
                        }
                        Poll::Pending => match next.failed.take() {
                            Some(failed) => {
                                this.rules.not_ready(this.course);
                                break failed;
                            }
                            None => return Poll::Pending,
                        },
                    }
                    let request = this.copy.take().expect("kept where a retry can follow");
                    this.course.number += 1;
                    if this.rules.may_follow(this.course, &Now::unread()) {
                        *this.copy = this.rules.replay.replay(&request);
                    }
                    // The hold is spent before the call: should that panic, the attempt has begun.
                    let Next { hold, failed } = this.state.as_mut().take_next();
                    drop(failed);
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

impl<F, N, R> State<F, N, R> {
    fn delay(mut self: Pin<&mut Self>, timer: Sleep) {
        let next = self.as_mut().take_next();
        self.set(Self::Waiting { timer, next });
    }

    fn take_next(self: Pin<&mut Self>) -> N {
        match self.project_replace(Self::Ended) {
            StateOwned::Waiting { next, .. } | StateOwned::Readying { next } => next,
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
