//! The future of the service.

use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::time::Sleep;
use tower_service::Service;

use crate::{
    Budget, Classify, Guard, Now, Replay, RetryPolicy,
    course::Course,
    rules::{Again, Rules},
    wait,
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
pub struct ResponseFuture<S: Service<Req>, Req, P: Guard = RetryPolicy> {
    #[pin]
    state: StateOf<S, Req, P>,
    /// `None` once the call has ended: one look, and not one for each of its parts, is all that dropping the
    /// future costs then.
    call: Option<Call<S, Req, P>>,
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

/// What a call has from its beginning to its end.
struct Call<S, Req, P: Guard> {
    /// `None` where no further attempt can follow.
    spare: Option<Spare<S, Req>>,
    course: Course,
    rules: P::Kept,
    /// Held for the budget, until it is dropped.
    _token: <P::Budget as Budget>::Call,
}

/// What the next attempt needs.
struct Spare<S, Req> {
    service: S,
    request: Req,
}

type NextOf<S, Req, B> =
    Next<<B as Budget>::Hold, Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>>;

/// What a retry holds from the decision to the attempt.
struct Next<H, O> {
    hold: H,
    /// The result that is the answer if the service is not ready. `None` when it will be waited for.
    failed: Option<O>,
}

impl<S: Service<Req>, Req, P: Guard> ResponseFuture<S, Req, P> {
    pub(crate) fn new(
        first: S::Future,
        spare: Option<(S, Req)>,
        course: Course,
        token: <P::Budget as Budget>::Call,
        rules: P::Kept,
    ) -> Self {
        Self {
            state: State::Calling {
                attempt: first,
                retry: None,
            },
            call: Some(Call {
                spare: spare.map(|(service, request)| Spare { service, request }),
                course,
                rules,
                _token: token,
            }),
        }
    }
}

impl<S, Req, P> Future for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    P: Guard,
    P::Classifier: Classify<Req, S::Response, S::Error>,
    P::Replay: Replay<Req>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let call = this.call.as_mut().expect("polled after it was ready");
        loop {
            // Before all others: where no retry is needed, this is all there is.
            if let StateProjection::Calling { attempt, retry } = this.state.as_mut().project() {
                let result = ready!(attempt.poll(cx));
                let retry = retry.take();
                let Some(again) = call.after(retry, &result) else {
                    // All that the call held goes now, not when somebody gets round to dropping this future.
                    // Set, which writes one word; replaced, it would be copied as a whole.
                    this.state.set(State::Ended);
                    *this.call = None;
                    return Poll::Ready(result);
                };
                if call.retry(this.state.as_mut(), again, result) {
                    return wait::give_way(cx);
                }
            }
            if let Some(answer) = ready!(call.begin_next(this.state.as_mut(), cx)) {
                // A hold that is left goes back to the budget.
                this.state.set(State::Ended);
                *this.call = None;
                return Poll::Ready(answer);
            }
        }
    }
}

impl<S, Req, P> Call<S, Req, P>
where
    S: Service<Req>,
    P: Guard,
    P::Classifier: Classify<Req, S::Response, S::Error>,
    P::Replay: Replay<Req>,
{
    #[inline]
    fn after(
        &mut self,
        retry: Option<<P::Budget as Budget>::Retry>,
        result: &Result<S::Response, S::Error>,
    ) -> Option<Again<<P::Budget as Budget>::Hold>> {
        let request = self.spare.as_ref().map(|spare| &spare.request);
        let rules: &Rules<_, _, _> = self.rules.borrow();
        rules.after(&mut self.course, request, request.is_some(), retry, result)
    }

    /// Another attempt was decided on. Whether other tasks should run first.
    ///
    /// Apart, as [`begin_next`](Self::begin_next) is, so that a call that needs no retry does not pay for its size.
    fn retry(
        &self,
        mut state: Pin<&mut StateOf<S, Req, P>>,
        again: Again<<P::Budget as Budget>::Hold>,
        failed: Result<S::Response, S::Error>,
    ) -> bool {
        // What failed goes before the wait begins: the result, and with its future the connection it may
        // hold.
        let failed = if self.rules().wait_for_ready() {
            drop(failed);
            None
        } else {
            Some(failed)
        };
        let hold = again.hold;
        state.as_mut().project_replace(State::Readying {
            next: Next { hold, failed },
        });
        if again.wait.is_zero() {
            return wait::is_long_run(self.course.number);
        }
        // Not before the attempt is gone: a clock that cannot be read panics here.
        let timer = wait::timer(again.wait, &again.now);
        let next = state.as_mut().take_next();
        state.project_replace(State::Waiting { timer, next });
        false
    }

    /// Waits for the moment and the service, and makes the next attempt; or gives up, with an answer.
    fn begin_next(
        &mut self,
        mut state: Pin<&mut StateOf<S, Req, P>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<S::Response, S::Error>>> {
        if let StateProjection::Waiting { timer, .. } = state.as_mut().project() {
            ready!(timer.poll(cx));
            let next = state.as_mut().take_next();
            state.as_mut().project_replace(State::Readying { next });
        }
        let StateProjection::Readying { next } = state.as_mut().project() else {
            unreachable!("after an attempt and before the next there is nothing else");
        };
        let rules: &Rules<_, _, _> = self.rules.borrow();
        let spare = self.spare.as_mut().expect("kept where a retry can follow");
        match spare.service.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                rules.not_ready(&self.course);
                return Poll::Ready(Some(Err(error)));
            }
            Poll::Pending => {
                let failed = ready!(next.failed.take().map_or(Poll::Pending, Poll::Ready));
                rules.not_ready(&self.course);
                return Poll::Ready(Some(failed));
            }
        }
        self.course.number += 1;
        let copy = if rules.may_follow(&self.course, &Now::unread()) {
            rules.replay.replay(&spare.request)
        } else {
            None
        };
        // The hold is spent before the call: should that panic, the attempt has begun.
        let Next { hold, failed } = state.as_mut().take_next();
        drop(failed);
        let retry = Some(rules.budget.spend(hold));
        let attempt = if let Some(copy) = copy {
            spare.service.call(mem::replace(&mut spare.request, copy))
        } else {
            let mut spare = self.spare.take().expect("as above");
            spare.service.call(spare.request)
        };
        state.project_replace(State::Calling { attempt, retry });
        Poll::Ready(None)
    }

    fn rules(&self) -> &Rules<P::Classifier, P::Replay, P::Budget> {
        self.rules.borrow()
    }
}

type StateOf<S, Req, P> = State<
    <S as Service<Req>>::Future,
    NextOf<S, Req, <P as Guard>::Budget>,
    <<P as Guard>::Budget as Budget>::Retry,
>;

impl<F, N, R> State<F, N, R> {
    fn take_next(self: Pin<&mut Self>) -> N {
        match self.project_replace(Self::Ended) {
            StateOwned::Waiting { next, .. } | StateOwned::Readying { next } => next,
            StateOwned::Calling { .. } | StateOwned::Ended => {
                unreachable!("a hold is there from the decision to the attempt")
            }
        }
    }
}

impl<S: Service<Req>, Req, P: Guard> fmt::Debug for ResponseFuture<S, Req, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("course", &self.call.as_ref().map(|call| &call.course))
            .finish_non_exhaustive()
    }
}
