//! The futures of the services.

mod wait;

use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project::pin_project;

pub use self::wait::WaitFuture;
use crate::{Call, Classify, Core, ErrIsFailure, call::FailOnPanic};

/// The response of a [`CircuitBreakerService`](crate::CircuitBreakerService): the inner call with its token, or the answer to a rejection.
///
/// # Cancel safety
///
/// Dropping it drops the inner call, which is then a cancelled one, see
/// [`Builder::on_cancel`](crate::Builder::on_cancel); a probe gives its place back. Nothing else remains.
// `F: Future` stands on the struct because a rejection is answered in `call` and kept as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F: Future, C = ErrIsFailure, P: Borrow<Core> = Arc<Core>> {
    #[pin]
    state: State<F, C, P>,
}

// Fields drop in this order: the inner call first, then its token.
#[pin_project(project = StateProjection, project_replace = StateReplaced)]
enum State<F: Future, C, P: Borrow<Core>> {
    Calling {
        #[pin]
        call: F,
        token: Call<P>,
        classifier: C,
    },
    /// `None` once it was given.
    Answered(Option<F::Output>),
}

impl<F: Future, C, P: Borrow<Core>> ResponseFuture<F, C, P> {
    pub(crate) const fn calling(call: F, token: Call<P>, classifier: C) -> Self {
        Self {
            state: State::Calling {
                call,
                token,
                classifier,
            },
        }
    }

    pub(crate) const fn answered(answer: F::Output) -> Self {
        Self {
            state: State::Answered(Some(answer)),
        }
    }
}

impl<F, C, P, Res, Err> Future for ResponseFuture<F, C, P>
where
    F: Future<Output = Result<Res, Err>>,
    C: Classify<Res, Err>,
    P: Borrow<Core>,
{
    type Output = Result<Res, Err>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the token stays in registers: half of a call's cost, see DESIGN.md"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Calling {
                call,
                token,
                classifier,
            } => {
                // A panic is a failure now, whenever somebody gets round to dropping this future.
                let panics = FailOnPanic::new(token);
                let Poll::Ready(result) = call.poll(cx) else {
                    panics.disarm();
                    return Poll::Pending;
                };
                let outcome = classifier.classify(&result);
                panics.disarm();
                // Recorded at once, before its caller or anybody else can see the result. The inner call goes
                // before, and not with this future: a probe's place is free when whoever takes it may have
                // what the call held.
                if let StateReplaced::Calling { token, .. } =
                    state.project_replace(State::Answered(None))
                {
                    token.end(outcome);
                }
                Poll::Ready(result)
            }
            StateProjection::Answered(answer) => {
                Poll::Ready(answer.take().expect("polled after it was ready"))
            }
        }
    }
}

impl<F: Future, C, P: Borrow<Core>> fmt::Debug for ResponseFuture<F, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
