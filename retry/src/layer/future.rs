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
    budget::Budget,
    layer::Guard,
    policy::{Classify, Replay, RetryPolicy, call_state::Course, engine::Rules, wait},
    types::{Now, Verdict},
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

#[pin_project(project = StateProjection)]
enum State<F, N, R> {
    /// The first attempt, which is no retry.
    First {
        #[pin]
        attempt: F,
    },
    /// A type of its own, so that a call that needs no retry does not pay for what dropping all that takes.
    Later(#[pin] Later<F, N, R>),
    /// After an attempt, until it is known what follows.
    Ended,
}

#[pin_project(project = LaterProjection)]
enum Later<F, N, R> {
    Retrying {
        #[pin]
        attempt: F,
        /// `None` once it has ended.
        retry: Option<R>,
    },
    Waiting {
        #[pin]
        timer: Sleep,
        /// `None` once it is over.
        next: Option<N>,
    },
    /// Before a further attempt: the spare service becomes ready.
    Readying {
        /// `None` only while it is asked.
        next: Option<N>,
    },
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
pub(crate) struct Spare<S, Req> {
    pub(crate) service: S,
    pub(crate) request: Req,
}

type NextOf<S, Req, B> =
    Next<<B as Budget>::Hold, Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>>;

/// What follows a failure: the next attempt, at once; `None` where it waits for it; as an error, nothing, and the answer.
type Follows<S, Req, B> = Result<
    Option<NextOf<S, Req, B>>,
    Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>,
>;

/// What a retry holds from the decision to the attempt.
struct Next<H, O> {
    hold: H,
    /// The result that is the answer if the service is not ready. `None` when it will be waited for.
    failed: Option<O>,
}

type FailureOf<S, Req, B> = Failure<
    <B as Budget>::Retry,
    Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>,
>;

/// An attempt after which there should be another.
struct Failure<R, O> {
    verdict: Verdict,
    now: Now,
    retry: Option<R>,
    result: O,
}

impl<S: Service<Req>, Req, P: Guard> ResponseFuture<S, Req, P> {
    #[inline]
    pub(crate) fn new(
        first: S::Future,
        spare: Option<Spare<S, Req>>,
        course: Course,
        token: <P::Budget as Budget>::Call,
        rules: P::Kept,
    ) -> Self {
        Self {
            state: State::First { attempt: first },
            call: Some(Call {
                spare,
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

    /// The first attempt alone: where no retry is needed, this is all there is.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a third of what the layer costs is a function's frame, and it is little else"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let StateProjection::First { attempt } = this.state.as_mut().project() else {
            return poll_later(this.state, this.call, None, cx);
        };
        let result = ready!(attempt.poll(cx));
        let call = this.call.as_mut().expect("there until the answer is");
        let now = Now::unread();
        let verdict = call.judge(&result, &now);
        if verdict != Verdict::Done {
            let failure = Failure {
                verdict,
                now,
                retry: None,
                result,
            };
            return poll_later(this.state, this.call, Some(failure), cx);
        }
        call.rules().done(&call.course, None, result.is_ok());
        end(this.state, this.call);
        Poll::Ready(result)
    }
}

/// All that the call held goes now, not when somebody gets round to dropping its future.
#[inline]
fn end<S: Service<Req>, Req, P: Guard>(
    mut state: Pin<&mut StateOf<S, Req, P>>,
    call: &mut Option<Call<S, Req, P>>,
) {
    state.set(State::Ended);
    *call = None;
}

/// From the first failure on. Apart, so that a call that needs no retry does not pay for its size.
#[inline(never)]
fn poll_later<S, Req, P>(
    mut state: Pin<&mut StateOf<S, Req, P>>,
    call: &mut Option<Call<S, Req, P>>,
    mut failure: Option<FailureOf<S, Req, P::Budget>>,
    cx: &mut Context<'_>,
) -> Poll<Result<S::Response, S::Error>>
where
    S: Service<Req>,
    P: Guard,
    P::Classifier: Classify<Req, S::Response, S::Error>,
    P::Replay: Replay<Req>,
{
    let going = call.as_mut().expect("polled after it was ready");
    let answer = loop {
        let mut next = None;
        if failure.is_none() {
            let StateProjection::Later(later) = state.as_mut().project() else {
                unreachable!("asked only after the first attempt, and not after a panic");
            };
            match later.project() {
                LaterProjection::Retrying { attempt, retry } => {
                    let result = ready!(attempt.poll(cx));
                    let (now, retry) = (Now::unread(), retry.take());
                    let verdict = going.judge(&result, &now);
                    if verdict == Verdict::Done {
                        (going.rules()).done(&going.course, retry, result.is_ok());
                        break result;
                    }
                    failure = Some(Failure {
                        verdict,
                        now,
                        retry,
                        result,
                    });
                }
                LaterProjection::Waiting { timer, next: after } => {
                    ready!(timer.poll(cx));
                    next = after.take();
                }
                LaterProjection::Readying { next: now } => next = now.take(),
            }
        }
        if let Some(failure) = failure.take() {
            match going.failed(state.as_mut(), failure) {
                Err(answer) => break answer,
                // It waits.
                Ok(None) => continue,
                Ok(now) => next = now,
            }
            if wait::is_long_run(going.course.number) {
                state.set(State::Later(Later::Readying { next }));
                return wait::give_way(cx);
            }
        }
        let next = next.expect("after an attempt and before the next there is nothing else");
        if let Some(answer) = ready!(going.begin(state.as_mut(), next, cx)) {
            break answer;
        }
    };
    end(state, call);
    Poll::Ready(answer)
}

impl<S, Req, P> Call<S, Req, P>
where
    S: Service<Req>,
    P: Guard,
    P::Classifier: Classify<Req, S::Response, S::Error>,
    P::Replay: Replay<Req>,
{
    #[inline]
    fn judge(&self, result: &Result<S::Response, S::Error>, now: &Now) -> Verdict {
        let request = self.spare.as_ref().map(|spare| &spare.request);
        self.rules().judge(&self.course, request, now, result)
    }

    /// What follows a failure.
    #[inline]
    fn failed(
        &mut self,
        mut state: Pin<&mut StateOf<S, Req, P>>,
        failure: FailureOf<S, Req, P::Budget>,
    ) -> Follows<S, Req, P::Budget> {
        let Failure {
            verdict,
            now,
            retry,
            result,
        } = failure;
        let rules: &Rules<_, _, _> = self.rules.borrow();
        let repeatable = self.spare.is_some();
        let Some(again) = rules.failed(&mut self.course, verdict, repeatable, retry, now) else {
            return Err(result);
        };
        // What failed goes before the wait begins: the result, and with its future the connection it may
        // hold.
        let failed = (!rules.wait_for_ready()).then_some(result);
        state.set(State::Ended);
        let hold = again.hold;
        let next = Some(Next { hold, failed });
        if again.wait.is_zero() {
            return Ok(next);
        }
        // Not before the attempt is gone: a clock that cannot be read panics here.
        let timer = wait::timer(again.wait, &again.now);
        state.set(State::Later(Later::Waiting { timer, next }));
        Ok(None)
    }

    /// Waits for the service, and makes the next attempt; or gives up, with an answer.
    #[inline]
    fn begin(
        &mut self,
        mut state: Pin<&mut StateOf<S, Req, P>>,
        mut next: NextOf<S, Req, P::Budget>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<S::Response, S::Error>>> {
        let rules: &Rules<_, _, _> = self.rules.borrow();
        let spare = self.spare.as_mut().expect("kept where a retry can follow");
        // If it gives up, the hold goes back to the budget.
        match spare.service.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                rules.not_ready(&self.course);
                return Poll::Ready(Some(Err(error)));
            }
            Poll::Pending => {
                let Some(failed) = next.failed.take() else {
                    state.set(State::Later(Later::Readying { next: Some(next) }));
                    return Poll::Pending;
                };
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
        let Next { hold, failed } = next;
        drop(failed);
        let retry = Some(rules.budget.spend(hold));
        let attempt = if let Some(copy) = copy {
            spare.service.call(mem::replace(&mut spare.request, copy))
        } else {
            let mut spare = self.spare.take().expect("as above");
            spare.service.call(spare.request)
        };
        state.set(State::Later(Later::Retrying { attempt, retry }));
        Poll::Ready(None)
    }
}

impl<S: Service<Req>, Req, P: Guard> Call<S, Req, P> {
    fn rules(&self) -> &Rules<P::Classifier, P::Replay, P::Budget> {
        self.rules.borrow()
    }
}

type StateOf<S, Req, P> = State<
    <S as Service<Req>>::Future,
    NextOf<S, Req, <P as Guard>::Budget>,
    <<P as Guard>::Budget as Budget>::Retry,
>;

impl<S: Service<Req>, Req, P: Guard> fmt::Debug for ResponseFuture<S, Req, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("course", &self.call.as_ref().map(|call| &call.course))
            .finish_non_exhaustive()
    }
}
