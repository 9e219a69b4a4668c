use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project::pin_project;

use crate::{Classify, Core, Ignore, Permit, PermitBody, Pointer, layer::queue::Begun};

/// The response of a [`BodyService`](crate::BodyService): the inner call with its permit, which then goes into the
/// body; or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it drops the inner call and then makes room. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct BodyFuture<F: Future, C = Ignore, P: Pointer = Arc<Core>> {
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

impl<F: Future, C, P: Pointer> BodyFuture<F, C, P> {
    pub(crate) const fn calling(call: F, permit: Permit<P>, classifier: C) -> Self {
        let state = State::Calling {
            call,
            permit,
            classifier,
        };
        Self { state }
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

impl<F, C, P, B, E> Future for BodyFuture<F, C, P>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    C: Classify<Response<B>, E>,
    P: Pointer,
{
    type Output = Result<Response<PermitBody<B, P>>, E>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let (result, outcome) = match state.as_mut().project() {
            StateProjection::Calling {
                call, classifier, ..
            } => {
                let result = ready!(call.poll(cx));
                let outcome = classifier.classify(&result);
                (result, outcome)
            }
            StateProjection::Answered(answer) => {
                let answer = answer.take().expect("polled after it was ready");
                return Poll::Ready(PermitBody::answer(answer));
            }
        };
        let StateReplaced::Calling { permit, .. } = state.project_replace(State::Answered(None))
        else {
            unreachable!("it was calling above");
        };
        Poll::Ready(match result {
            Ok(response) => Ok(response.map(|body| PermitBody::new(body, permit, outcome))),
            Err(error) => {
                permit.finish(outcome);
                Err(error)
            }
        })
    }
}

impl<F: Future, C, P: Pointer> fmt::Debug for BodyFuture<F, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyFuture").finish_non_exhaustive()
    }
}
