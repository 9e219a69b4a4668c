//! The future of the service, and its first attempt.
//!
//! If no retry is needed, `poll` here is all that runs. What follows a failure is in `later`, out of line and by
//! reference: kept here, it would take the future out of registers.
//!
//! # Lost experiments
//!
//! In instructions of the bench `retry` at the time, with a `&'static` policy. Both figures of a pair are of one build, and
//! the guide has those of the current code.
//!
//! - One `Option` for each part of a call, instead of one around all of them: 148 instead of 136 if no retry is needed,
//!   343 instead of 306 for one retry.
//! - The steps of a retry as separate functions out of line: 127 instead of 84 if no retry is needed.
//! - The failed result beside the state instead of in it: 256 instead of 255 for one retry, and 11 more in a stack.
//! - An error judged here as well, and the answer returned by `poll_later` by value: 108 instead of 86 if no retry is
//!   needed, 391 instead of 295 for one retry.
//! - The next step of `poll_later` as an `enum` instead of a verdict: 350 instead of 295 for one retry.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_service::Service;

use crate::{
    budget::Budget,
    layer::{
        call::{Call, Last, ResultOf, Spare, State, StateOf, StateProjection, end},
        later::poll_later,
        source::Source,
    },
    policy::{CallState, Classify, Replay, RetryPolicy},
    types::Verdict,
};

/// The response of a [`RetryService`](crate::RetryService): one attempt after another, and the waits between them.
///
/// # Panics
///
/// Outside a tokio runtime with time enabled, when a wait that is not zero begins. Polled again after it was ready.
///
/// # Cancel safety
///
/// Dropping the future drops the running attempt, or ends the wait at once. A retry that had not begun is given back to
/// the budget. Nothing runs in the background.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<S: Service<Req>, Req, P: Source = RetryPolicy, M = ()> {
    #[pin]
    state: StateOf<S, Req, P>,
    /// `None` after the call has ended. Dropping the future then looks at one tag instead of one for each part.
    call: Option<Call<S, Req, P>>,
    errors: PhantomData<fn() -> M>,
}

impl<S: Service<Req>, Req, P: Source, M> ResponseFuture<S, Req, P, M> {
    #[inline]
    pub(super) fn new(
        first: S::Future,
        spare: Option<Spare<S, Req>>,
        call: CallState,
        token: <P::Budget as Budget>::Call,
        engine: P::Kept,
    ) -> Self {
        Self {
            state: State::First { attempt: first },
            call: Some(Call::new(spare, call, token, engine)),
            errors: PhantomData,
        }
    }
}

impl<S, Req, P, M> Future for ResponseFuture<S, Req, P, M>
where
    S: Service<Req>,
    P: Source,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    P::Replay: Replay<Req>,
{
    type Output = ResultOf<S, Req>;

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a function's frame is a third of what the layer costs"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut last = Last::none();
        if let StateProjection::First { attempt } = this.state.as_mut().project() {
            let result = ready!(attempt.poll(cx));
            // An error is judged out of line. The classifier may look for its sources, for which it must be in memory, and
            // so would each result be.
            if result.is_ok() {
                let call = this.call.as_ref().expect("present until the answer");
                last.verdict = call.judge(&result, &last.now);
                if last.verdict == Verdict::Done {
                    call.done(&last.now, None, true);
                    end(this.state, this.call);
                    return Poll::Ready(result);
                }
            }
            last.result = Some(result);
        }
        ready!(poll_later(this.state, this.call, &mut last, cx));
        Poll::Ready(last.answer())
    }
}

impl<S: Service<Req>, Req, P: Source, M> fmt::Debug for ResponseFuture<S, Req, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field(
                "attempt",
                &self.call.as_ref().map(|call| call.state.attempt()),
            )
            .finish_non_exhaustive()
    }
}
