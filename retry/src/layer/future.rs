//! The future of the service, and its first attempt.
//!
//! If no retry is needed, `poll` here is all that runs. What follows a failure is in `later`, out of line and by
//! reference: kept here, it would take the future out of registers.
//!
//! # Lost experiments
//!
//! In instructions of the bench `retry` at the time, with a `&'static` policy:
//!
//! - One `Option` for each part of a call, instead of one around all of them: 148 instead of 136 if no retry is needed,
//!   343 instead of 306 for one retry.
//! - The steps of a retry as separate functions out of line: 127 instead of 84 if no retry is needed.
//! - The failed result beside the state instead of in it: 256 instead of 255 for one retry, and 11 more in a stack.

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
        call::{Call, Failure, ResultOf, Spare, State, StateOf, StateProjection, end},
        later::poll_later,
        source::Source,
    },
    policy::{CallState, Classify, Replay, RetryPolicy},
    types::{Now, Verdict},
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
        let StateProjection::First { attempt } = this.state.as_mut().project() else {
            return poll_later(this.state, this.call, None, cx);
        };
        let result = ready!(attempt.poll(cx));
        let call = this.call.as_mut().expect("present until the answer");
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
        call.done(&now, None, result.is_ok());
        end(this.state, this.call);
        Poll::Ready(result)
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
