use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;

use super::{AtHead, CallEnd, Classify, OkIsSuccess};
use crate::{
    permit::Permit,
    state::{Core, Pointer},
};

/// The response of a [`BulkheadService`](crate::BulkheadService): the inner call with its permit, or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it drops the inner call and then gives the place back. Nothing else remains.
// `F: Future` stands on the struct because a refusal is answered in `call` and kept as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F: Future, C = OkIsSuccess, P: Pointer = Arc<Core>, E = AtHead> {
    #[pin]
    state: State<F, C, P>,
    end: PhantomData<E>,
}

// Fields drop in this order: the inner call first, then its place.
#[pin_project(project = StateProjection, project_replace = StateReplaced)]
enum State<F: Future, C, P: Pointer> {
    Calling {
        #[pin]
        call: F,
        permit: Permit<P>,
        classifier: C,
    },
    /// `None` after it was given.
    Answered(Option<F::Output>),
}

impl<F: Future, C, P: Pointer, E> ResponseFuture<F, C, P, E> {
    pub(super) const fn calling(call: F, permit: Permit<P>, classifier: C) -> Self {
        Self {
            state: State::Calling {
                call,
                permit,
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
    P: Pointer,
    E: CallEnd<Res, P, C>,
{
    type Output = Result<E::Response, Err>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Calling {
                call, classifier, ..
            } => {
                let result = ready!(call.poll(cx));
                let outcome = classifier.classify(&result);
                // The state is replaced, so that the inner call is dropped now and not with this future, and before its
                // place is given back, as it may still hold a connection.
                //
                // The permit leaves the state by value. An `Option<Permit>` in the state needs a check when it drops: 83
                // instructions instead of 64.
                let StateReplaced::Calling {
                    permit, classifier, ..
                } = state.project_replace(State::Answered(None))
                else {
                    unreachable!("it was calling above");
                };
                Poll::Ready(E::respond(result, permit, outcome, classifier))
            }
            StateProjection::Answered(answer) => {
                let answer = answer.take().expect("polled after it was ready");
                Poll::Ready(E::answer(answer))
            }
        }
    }
}

impl<F: Future, C, P: Pointer, E> fmt::Debug for ResponseFuture<F, C, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
