use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project::pin_project;

use super::{
    classify::{Classify, ErrIsFailure},
    end::{AtHead, CallEnd},
};
use crate::call::{Call, Core, FailOnPanic};

/// The response of a [`CircuitBreakerService`](crate::CircuitBreakerService): the inner call with
/// its token, or the answer to a rejection.
///
/// # Cancel safety
///
/// Dropping it drops the inner call, which then counts as cancelled, see
/// [`Builder::on_cancel`](crate::Builder::on_cancel); a probe gives its slot back. Nothing else
/// remains.
// `F: Future` stands on the struct because a rejection is answered in `call` and kept as
// `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F: Future, C = ErrIsFailure, P: Borrow<Core> = Arc<Core>, E = AtHead> {
    #[pin]
    state: State<F, C, P>,
    end: PhantomData<fn() -> E>,
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
    /// `None` once it was returned.
    Answered(Option<F::Output>),
}

impl<F: Future, C, P: Borrow<Core>, E> ResponseFuture<F, C, P, E> {
    pub(super) const fn calling(call: F, token: Call<P>, classifier: C) -> Self {
        Self {
            state: State::Calling {
                call,
                token,
                classifier,
            },
            end: PhantomData,
        }
    }

    pub(super) const fn answered(answer: F::Output) -> Self {
        Self {
            state: State::Answered(Some(answer)),
            end: PhantomData,
        }
    }
}

impl<F, C, P, E, Res, Err> Future for ResponseFuture<F, C, P, E>
where
    F: Future<Output = Result<Res, Err>>,
    C: Classify<Res, Err>,
    P: Borrow<Core>,
    E: CallEnd<Res, C, P>,
{
    type Output = Result<E::Response, Err>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the token stays in registers, which is half of the cost of a call"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Calling {
                call,
                token,
                classifier,
            } => {
                // A panic is a failure at once, however late its catcher drops this future.
                let panics = FailOnPanic::new(token);
                let Poll::Ready(result) = call.poll(cx) else {
                    panics.disarm();
                    return Poll::Pending;
                };
                let outcome = classifier.classify(&result);
                panics.disarm();
                // Recorded at once, before the caller can see the result. The inner call is dropped
                // first, and not with this future: when a probe's slot is free, what its call held
                // is free as well.
                //
                // The result is not passed on where it need not be. It leaves the registers otherwise: 426
                // instead of 416 instructions in a stack.
                if E::ENDS_AT_HEAD {
                    if let StateReplaced::Calling { token, .. } =
                        state.project_replace(State::Answered(None))
                    {
                        token.end(outcome);
                    }
                    return Poll::Ready(E::answer(result));
                }
                let StateReplaced::Calling {
                    token, classifier, ..
                } = state.project_replace(State::Answered(None))
                else {
                    unreachable!("it was calling, above");
                };
                Poll::Ready(E::respond(result, token, classifier, outcome))
            }
            StateProjection::Answered(answer) => {
                Poll::Ready(E::answer(answer.take().expect("polled after it was ready")))
            }
        }
    }
}

impl<F: Future, C, P: Borrow<Core>, E> fmt::Debug for ResponseFuture<F, C, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
