//! A call from its first failure on: the waits, the service's readiness and the further attempts.

use std::{
    borrow::Borrow,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use crate::{
    budget::Budget,
    layer::{
        call::{
            Call, Failure, FailureOf, Later, LaterProjection, Next, NextOf, ResultOf, State,
            StateOf, StateProjection, end,
        },
        source::Source,
    },
    policy::{self, Classify, Engine, Replay},
    types::{Now, Verdict},
};

/// What follows a failure: the next attempt at once, `None` after a wait, or the answer.
type Follows<S, Req, B> = Result<Option<NextOf<S, Req, B>>, ResultOf<S, Req>>;

/// Polls a call whose first attempt has failed. `failure` is that of the first attempt, in the poll that found it.
///
/// Out of line, so that a call that needs no retry does not pay for its size.
#[inline(never)]
pub(super) fn poll_later<S, Req, P, M>(
    mut state: Pin<&mut StateOf<S, Req, P>>,
    call: &mut Option<Call<S, Req, P>>,
    mut failure: Option<FailureOf<S, Req, P::Budget>>,
    cx: &mut Context<'_>,
) -> Poll<ResultOf<S, Req>>
where
    S: Service<Req>,
    P: Source,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    P::Replay: Replay<Req>,
{
    let going = call.as_mut().expect("polled after it was ready");
    let answer = loop {
        let mut next = None;
        if failure.is_none() {
            let StateProjection::Later(later) = state.as_mut().project() else {
                unreachable!("polled only after the first attempt, and not after a panic");
            };
            match later.project() {
                LaterProjection::Retrying { attempt, retry } => {
                    let result = ready!(attempt.poll(cx));
                    let (now, retry) = (Now::unread(), retry.take());
                    let verdict = going.judge(&result, &now);
                    if verdict == Verdict::Done {
                        going.done(&now, retry, result.is_ok());
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
                    ready!(policy::poll_timer(timer, cx));
                    next = after.take();
                }
                LaterProjection::Readying { next: now } => next = now.take(),
            }
        }
        if let Some(failure) = failure.take() {
            match going.failed(state.as_mut(), failure) {
                Err(answer) => break answer,
                // The timer is polled in the next turn.
                Ok(None) => continue,
                Ok(now) => next = now,
            }
            if policy::is_long_run(going.state.attempt()) {
                state.set(State::Later(Later::Readying { next }));
                return policy::give_way(cx);
            }
        }
        let next = next.expect("every path above sets it or leaves the turn");
        if let Some(answer) = ready!(going.begin(state.as_mut(), next, cx)) {
            break answer;
        }
    };
    end(state, call);
    Poll::Ready(answer)
}

// === impl Call ===

impl<S: Service<Req>, Req, P: Source> Call<S, Req, P> {
    /// Decides what follows a failure.
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
        let engine: &Engine<_, _, _> = self.engine.borrow();
        let repeatable = self.spare.is_some();
        let Some(again) = engine.failed(&mut self.state, verdict, repeatable, retry, now) else {
            return Err(result);
        };
        // The result and the future of the attempt are dropped before the wait begins, and with them a connection that
        // they may hold. An error holds none, and is kept if the call may run out of time.
        let keeps = !engine.waits_for_ready() || self.state.keeps(&result);
        let failed = keeps.then_some(result);
        state.set(State::Ended);
        let hold = again.hold;
        let next = Some(Next { hold, failed });
        if again.wait.is_zero() {
            return Ok(next);
        }
        // After the attempt is dropped, because a clock that cannot be read panics here.
        let timer = policy::timer(again.wait, &again.now);
        state.set(State::Later(Later::Waiting { timer, next }));
        if let StateProjection::Later(later) = state.project() {
            if let LaterProjection::Waiting { timer, .. } = later.project() {
                policy::start(timer);
            }
        }
        Ok(None)
    }

    /// Waits for the service, then makes the next attempt. Returns an answer if the call gives up; the hold then goes
    /// back to the budget.
    ///
    /// The deadline may pass while the service becomes ready. The failed result is then the answer, if it was kept. A
    /// failed `Ok` was dropped before the wait, so there is no other answer, and the attempt is made. Keeping it as well
    /// would let it hold, say, the last connection of a pool whose readiness the call waits for. Asking for readiness
    /// before the wait instead would hold a permit of the inner service through the wait, and say nothing about the time
    /// when the attempt begins.
    #[inline]
    fn begin(
        &mut self,
        mut state: Pin<&mut StateOf<S, Req, P>>,
        mut next: NextOf<S, Req, P::Budget>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<ResultOf<S, Req>>>
    where
        P::Replay: Replay<Req>,
    {
        let engine: &Engine<_, _, _> = self.engine.borrow();
        let spare = self.spare.as_mut().expect("kept if a retry can follow");
        match spare.service.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                engine.not_ready(&self.state);
                return Poll::Ready(Some(Err(error)));
            }
            Poll::Pending => {
                // Without a kept result there is none to give up with: the policy waited for readiness before it changed.
                if engine.waits_for_ready() || next.failed.is_none() {
                    state.set(State::Later(Later::Readying { next: Some(next) }));
                    return Poll::Pending;
                }
                engine.not_ready(&self.state);
                return Poll::Ready(next.failed.take());
            }
        }
        if self.state.is_limited() && self.state.is_late() {
            if let Some(failed) = next.failed.take() {
                engine.too_late(&self.state);
                return Poll::Ready(Some(failed));
            }
        }
        self.state.advance();
        let copy = engine.copy(&self.state, &spare.request);
        // The hold is spent before the inner `call`: if that panics, the attempt has begun.
        let Next { hold, failed } = next;
        drop(failed);
        let retry = Some(engine.budget().spend(hold));
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
