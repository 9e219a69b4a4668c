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
            Call, Last, LastOf, Later, LaterProjection, Next, State, StateOf, StateProjection, end,
        },
        source::Source,
    },
    policy::{self, Again, Classify, Engine, Replay},
    types::{Now, Verdict},
};

/// What follows a failure.
enum Follows<H> {
    /// The next attempt, at once.
    Attempt(H),
    /// A wait, and then the next attempt.
    Wait,
    /// The result is the answer.
    Answer,
}

/// Polls a call whose first attempt has ended with a failure or an error. `last` is that attempt in the poll that found it. When
/// the call is ready, it has the answer.
///
/// Out of line, so that a call that needs no retry does not pay for its size. Returned by value, the answer would be in memory
/// for a call that needs no retry too, and copied twice.
#[inline(never)]
pub(super) fn poll_later<S, Req, P, M>(
    mut state: Pin<&mut StateOf<S, Req, P>>,
    call: &mut Option<Call<S, Req, P>>,
    last: &mut LastOf<S, Req>,
    cx: &mut Context<'_>,
) -> Poll<()>
where
    S: Service<Req>,
    P: Source,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    P::Replay: Replay<Req>,
{
    let going = call.as_mut().expect("polled after it was ready");
    // `Done` with a result: the first attempt ended with an error, which has not been judged.
    if last.verdict == Verdict::Done {
        if let Some(error) = &last.result {
            last.verdict = going.judge(error, &last.now);
            if last.verdict == Verdict::Done {
                going.done(&last.now, None, false);
                end(state, call);
                return Poll::Ready(());
            }
        }
    }
    let mut retry = None;
    loop {
        let hold = if last.verdict == Verdict::Done {
            let StateProjection::Later(later) = state.as_mut().project() else {
                unreachable!("polled only after the first attempt, and not after a panic");
            };
            let next = match later.project() {
                LaterProjection::Retrying {
                    attempt,
                    retry: token,
                } => {
                    let result = last.result.insert(ready!(attempt.poll(cx)));
                    retry = token.take();
                    last.now = Now::unread();
                    last.verdict = going.judge(result, &last.now);
                    if last.verdict == Verdict::Done {
                        going.done(&last.now, retry, result.is_ok());
                        break;
                    }
                    continue;
                }
                LaterProjection::Waiting { timer, next } => {
                    ready!(policy::poll_timer(timer, cx));
                    next.take()
                }
                LaterProjection::Readying { next } => next.take(),
            };
            let Next { hold, failed } = next.expect("present until it is taken here");
            last.result = failed;
            hold
        } else {
            let hold = match going.failed(state.as_mut(), retry.take(), last) {
                Follows::Attempt(hold) => hold,
                // The timer is polled in the next turn.
                Follows::Wait => continue,
                Follows::Answer => break,
            };
            if policy::is_long_run(going.state.attempt()) {
                ready_later(state, hold, last);
                return policy::give_way(cx);
            }
            hold
        };
        if ready!(going.begin(state.as_mut(), hold, last, cx)) {
            break;
        }
    }
    end(state, call);
    Poll::Ready(())
}

/// The attempt is made in a later poll.
fn ready_later<F, H, O, R>(
    mut state: Pin<&mut State<F, Next<H, O>, R>>,
    hold: H,
    last: &mut Last<O>,
) {
    let failed = last.result.take();
    let next = Some(Next { hold, failed });
    state.set(State::Later(Later::Readying { next }));
}

// === impl Call ===

impl<S: Service<Req>, Req, P: Source> Call<S, Req, P> {
    /// Decides what follows a failure, and drops its result unless it is kept.
    #[inline]
    fn failed(
        &mut self,
        mut state: Pin<&mut StateOf<S, Req, P>>,
        retry: Option<<P::Budget as Budget>::Retry>,
        last: &mut LastOf<S, Req>,
    ) -> Follows<<P::Budget as Budget>::Hold> {
        let engine: &Engine<_, _, _> = self.engine.borrow();
        let repeatable = self.spare.is_some();
        let again = engine.failed(&mut self.state, &last.verdict, repeatable, retry, &last.now);
        let Some(Again { wait, hold }) = again else {
            return Follows::Answer;
        };
        last.verdict = Verdict::Done;
        // The result and the future of the attempt are dropped before the wait begins, and with them a connection that
        // they may hold. An error holds none, and is kept if the call may run out of time.
        let is_kept = |result| !engine.waits_for_ready() || self.state.keeps(result);
        if !last.result.as_ref().is_some_and(is_kept) {
            last.result = None;
        }
        state.set(State::Ended);
        if wait.is_zero() {
            return Follows::Attempt(hold);
        }
        // After the attempt is dropped, because a clock that cannot be read panics here.
        let timer = policy::timer(wait, &last.now);
        let failed = last.result.take();
        let next = Some(Next { hold, failed });
        state.set(State::Later(Later::Waiting { timer, next }));
        if let StateProjection::Later(later) = state.project() {
            if let LaterProjection::Waiting { timer, .. } = later.project() {
                policy::start(timer);
            }
        }
        Follows::Wait
    }

    /// Waits for the service, then makes the next attempt. Returns true if the call gives up and what was kept is the answer;
    /// the hold then goes back to the budget.
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
        hold: <P::Budget as Budget>::Hold,
        last: &mut LastOf<S, Req>,
        cx: &mut Context<'_>,
    ) -> Poll<bool>
    where
        P::Replay: Replay<Req>,
    {
        let engine: &Engine<_, _, _> = self.engine.borrow();
        let spare = self.spare.as_mut().expect("kept if a retry can follow");
        match spare.service.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                engine.not_ready(&self.state);
                last.result = Some(Err(error));
                return Poll::Ready(true);
            }
            Poll::Pending => {
                // Without a kept result there is none to give up with: the policy waited for readiness before it changed.
                if engine.waits_for_ready() || last.result.is_none() {
                    ready_later(state, hold, last);
                    return Poll::Pending;
                }
                engine.not_ready(&self.state);
                return Poll::Ready(true);
            }
        }
        if self.state.is_limited() && self.state.is_late() && last.result.is_some() {
            engine.too_late(&self.state);
            return Poll::Ready(true);
        }
        self.state.advance();
        let copy = engine.copy(&self.state, &spare.request);
        // The hold is spent before the inner `call`: if that panics, the attempt has begun.
        last.result = None;
        let retry = Some(engine.budget().spend(hold));
        let attempt = if let Some(copy) = copy {
            spare.service.call(mem::replace(&mut spare.request, copy))
        } else {
            let mut spare = self.spare.take().expect("as above");
            spare.service.call(spare.request)
        };
        state.set(State::Later(Later::Retrying { attempt, retry }));
        Poll::Ready(false)
    }
}
