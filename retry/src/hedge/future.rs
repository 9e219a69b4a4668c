//! An attempt and its hedge.

use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::time::Sleep;
use tower_service::Service;

use crate::{
    hedge::{Hedge, plan::Plan, token::Token},
    layer::Source,
    policy::{self, Classify, RetryPolicy},
    types::{Now, Verdict},
};

/// The response of a [`HedgeService`](crate::HedgeService): an attempt, and a second one if the first is slow.
///
/// # Panics
///
/// Outside a tokio runtime with time enabled, if the service does not answer at the first poll and the request may be
/// hedged. Polled again after it was ready.
///
/// # Cancel safety
///
/// Dropping the future drops both attempts at once. Nothing runs in the background.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct HedgedResponse<S, Req, P = RetryPolicy, H = Hedge, W = fn() -> bool, M = ()>
where
    S: Service<Req>,
    P: Source,
{
    /// `None` after it failed while the hedge ran.
    #[pin]
    first: Option<S::Future>,
    #[pin]
    second: Second<S::Future, P>,
    /// `None` if no hedge can begin any more.
    plan: Option<Plan<S, Req, P, H, W>>,
    errors: PhantomData<fn() -> M>,
}

#[pin_project(project = SecondProjection)]
enum Second<F, P: Source> {
    /// Before the first attempt was pending, and after the hedge.
    None,
    Waiting {
        #[pin]
        timer: Sleep,
    },
    Running {
        #[pin]
        attempt: F,
        /// Dropped after the attempt.
        token: Token<P>,
    },
}

/// The result of a call of `S`.
pub(super) type ResultOf<S, Req> =
    Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>;

// === impl HedgedResponse ===

impl<S: Service<Req>, Req, P: Source, H, W, M> HedgedResponse<S, Req, P, H, W, M> {
    #[inline]
    pub(super) const fn new(first: S::Future, plan: Option<Plan<S, Req, P, H, W>>) -> Self {
        Self {
            first: Some(first),
            second: Second::None,
            plan,
            errors: PhantomData,
        }
    }
}

impl<S, Req, P, H, W, M> Future for HedgedResponse<S, Req, P, H, W, M>
where
    S: Service<Req>,
    P: Source,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    H: Borrow<Hedge>,
    W: Fn() -> bool,
{
    type Output = ResultOf<S, Req>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let first = this.first.as_mut().as_pin_mut();
        if let Some(Poll::Ready(result)) = first.map(|first| first.poll(cx)) {
            match this.second.as_mut().project() {
                SecondProjection::Running { token, .. } => {
                    let verdict = token.judge(&result);
                    if is_answer(verdict) {
                        // The loser ends before its caller sees the answer.
                        this.second.set(Second::None);
                        return Poll::Ready(result);
                    }
                    // The hedge decides. What the failed attempt holds is not kept until then.
                    this.first.set(None);
                    drop(result);
                }
                before => {
                    if let Some(plan) = this.plan.take() {
                        // The delay may be over although this task did not run in between.
                        let is_late = matches!(before, SecondProjection::Waiting { timer } if timer.is_elapsed());
                        plan.learn(&result, is_late);
                    }
                    return Poll::Ready(result);
                }
            }
        }
        poll_second(this.first, this.second, this.plan, cx)
    }
}

impl<S, Req, P, H, W, M> fmt::Debug for HedgedResponse<S, Req, P, H, W, M>
where
    S: Service<Req>,
    P: Source,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_hedged = matches!(self.second, Second::Running { .. });
        f.debug_struct("HedgedResponse")
            .field("is_hedged", &is_hedged)
            .finish_non_exhaustive()
    }
}

/// Polls the delay or the hedge, while the first attempt is pending or after it failed.
///
/// Out of line, so that an attempt that is ready at once does not pay for its size.
#[inline(never)]
fn poll_second<S, Req, P, H, W, M>(
    mut first: Pin<&mut Option<S::Future>>,
    mut second: Pin<&mut Second<S::Future, P>>,
    plan: &mut Option<Plan<S, Req, P, H, W>>,
    cx: &mut Context<'_>,
) -> Poll<ResultOf<S, Req>>
where
    S: Service<Req>,
    P: Source,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    H: Borrow<Hedge>,
    W: Fn() -> bool,
{
    loop {
        match second.as_mut().project() {
            SecondProjection::None => {
                let Some(plan) = plan else {
                    return Poll::Pending;
                };
                let delay = plan.hedge.borrow().delay();
                let timer = policy::timer(delay, &Now::unread());
                second.set(Second::Waiting { timer });
                if let SecondProjection::Waiting { timer } = second.as_mut().project() {
                    policy::start(timer);
                }
            }
            SecondProjection::Waiting { timer } => {
                ready!(policy::poll_timer(timer, cx));
                second.set(Second::None);
                let plan = plan.take().expect("kept until the delay is over");
                let Some((attempt, token)) = plan.begin(cx) else {
                    return Poll::Pending;
                };
                second.set(Second::Running { attempt, token });
            }
            SecondProjection::Running { attempt, token } => {
                let result = ready!(attempt.poll(cx));
                let verdict = token.judge(&result);
                if is_answer(verdict) || first.is_none() {
                    first.set(None);
                    if verdict == Verdict::Done {
                        token.won();
                    }
                    second.set(Second::None);
                    return Poll::Ready(result);
                }
                // The first attempt decides.
                second.set(Second::None);
                return Poll::Pending;
            }
        }
    }
}

/// Whether a result ends the call although the other attempt still runs. A rejection by another layer says nothing about
/// the other attempt.
const fn is_answer(verdict: Verdict) -> bool {
    verdict.terms().is_none() && !matches!(verdict, Verdict::Ignored)
}
