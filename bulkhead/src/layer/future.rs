use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;

use super::queue::Begun;
use crate::{Classify, Core, Ignore, Permit, Pointer};

/// The response of a [`BulkheadService`](crate::BulkheadService): the inner call with its permit, or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it drops the inner call and then makes room. Nothing else remains.
// `F: Future` stands on the struct because a refusal is answered in `call` and kept as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F: Future, C = Ignore, P: Pointer = Arc<Core>> {
    #[pin]
    state: State<F, C, P>,
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
    /// `None` once it was given.
    Answered(Option<F::Output>),
}

impl<F: Future, C, P: Pointer> ResponseFuture<F, C, P> {
    pub(crate) const fn calling(call: F, permit: Permit<P>, classifier: C) -> Self {
        Self {
            state: State::Calling {
                call,
                permit,
                classifier,
            },
        }
    }

    pub(crate) const fn answered(answer: F::Output) -> Self {
        Self {
            state: State::Answered(Some(answer)),
        }
    }

    #[inline]
    pub(crate) fn begun(begun: Begun<F, C, P>) -> Self {
        match begun {
            Begun::Called(call, permit, classifier) => Self::calling(call, permit, classifier),
            Begun::Answered(answer) => Self::answered(answer),
        }
    }
}

impl<F, C, P, Res, Err> Future for ResponseFuture<F, C, P>
where
    F: Future<Output = Result<Res, Err>>,
    C: Classify<Res, Err>,
    P: Pointer,
{
    type Output = Result<Res, Err>;

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
                // The inner call goes now, not when somebody gets round to dropping this future; and before
                // its place is given away, as it may still hold a connection.
                if let StateReplaced::Calling { permit, .. } =
                    state.project_replace(State::Answered(None))
                {
                    permit.finish(outcome);
                }
                Poll::Ready(result)
            }
            StateProjection::Answered(answer) => {
                Poll::Ready(answer.take().expect("polled after it was ready"))
            }
        }
    }
}

impl<F: Future, C, P: Pointer> fmt::Debug for ResponseFuture<F, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
