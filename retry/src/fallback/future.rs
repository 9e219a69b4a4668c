use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use crate::{
    fallback::Parts,
    observe::{FallbackObserver, FallbackResult, fallback_ended},
    policy::Classify,
    types::{Attempt, Now, Verdict},
};

/// The response of a [`FallbackService`](crate::FallbackService): that of the inner service, or the answer in its place.
///
/// # Panics
///
/// When the closure or the classifier panics. Polled again after that, or after it was ready.
///
/// # Cancel safety
///
/// Dropping the future drops whichever of the two calls runs. Nothing runs in the background.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct FallbackFuture<S: Service<Req>, Req, F, Fut, V, M = ()> {
    #[pin]
    state: State<S::Future, Fut, S::Error>,
    /// `None` after the answer.
    call: Option<Call<Req, F, V>>,
    errors: PhantomData<fn() -> M>,
}

#[pin_project(project = StateProjection)]
enum State<P, B, E> {
    First {
        #[pin]
        call: P,
    },
    /// Readiness failed, and the inner service was not called. `None` after the first poll.
    NotReady { error: Option<E> },
    Backup {
        #[pin]
        call: B,
    },
    /// Between the calls, and after the answer.
    Ended,
}

struct Call<Req, F, V> {
    /// `None` if it cannot be copied, and when the backup has it.
    request: Option<Req>,
    f: F,
    classifier: V,
    /// Noted only for a classifier that may ask for the time.
    started: Option<Instant>,
    report: Report,
}

/// Counts a failed call once, also if the answer never comes.
struct Report {
    observer: Option<Arc<FallbackObserver>>,
    is_due: bool,
}

type ResultOf<S, Req> = Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>;

// === impl FallbackFuture ===

impl<S: Service<Req>, Req, F, Fut, V, M> FallbackFuture<S, Req, F, Fut, V, M>
where
    V: Classify<Req, S::Response, S::Error, M>,
{
    #[inline]
    pub(super) fn of_call(first: S::Future, copy: Option<Req>, parts: Parts<F, V>) -> Self {
        Self {
            state: State::First { call: first },
            call: Some(Call::new(copy, parts, V::TIMED)),
            errors: PhantomData,
        }
    }

    pub(super) fn of_error(error: S::Error, request: Req, parts: Parts<F, V>) -> Self {
        Self {
            state: State::NotReady { error: Some(error) },
            call: Some(Call::new(Some(request), parts, V::TIMED)),
            errors: PhantomData,
        }
    }
}

impl<S, Req, F, Fut, V, M> Future for FallbackFuture<S, Req, F, Fut, V, M>
where
    S: Service<Req>,
    F: Fn(Req, ResultOf<S, Req>) -> Fut,
    Fut: Future<Output = ResultOf<S, Req>>,
    V: Classify<Req, S::Response, S::Error, M>,
{
    type Output = ResultOf<S, Req>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = match this.state.as_mut().project() {
            StateProjection::First { call } => ready!(call.poll(cx)),
            StateProjection::NotReady { error } => Err(error.take().expect("present once")),
            StateProjection::Backup { .. } => return poll_backup(this.state, this.call, cx),
            StateProjection::Ended => panic!("polled after it was ready"),
        };
        // First of all: it may hold what the answer needs, such as the last connection of a pool.
        this.state.set(State::Ended);
        let call = this.call.as_ref().expect("present until the answer");
        if call.judge(1, &result) != Verdict::Done {
            return poll_failed(this.state, this.call, result, cx);
        }
        *this.call = None;
        Poll::Ready(result)
    }
}

/// Begins the answer. Out of line, so that a call that succeeds does not pay for its size.
#[cold]
#[inline(never)]
fn poll_failed<P, E, Req, Res, F, Fut, V, M>(
    mut state: Pin<&mut State<P, Fut, E>>,
    call: &mut Option<Call<Req, F, V>>,
    failed: Result<Res, E>,
    cx: &mut Context<'_>,
) -> Poll<Result<Res, E>>
where
    F: Fn(Req, Result<Res, E>) -> Fut,
    Fut: Future<Output = Result<Res, E>>,
    V: Classify<Req, Res, E, M>,
{
    let going = call.as_mut().expect("present until the answer");
    going.report.is_due = true;
    let Some(request) = going.request.take() else {
        going.report.end(FallbackResult::NotRepeatable);
        *call = None;
        return Poll::Ready(failed);
    };
    let backup = (going.f)(request, failed);
    state.set(State::Backup { call: backup });
    poll_backup(state, call, cx)
}

fn poll_backup<P, E, Req, Res, F, Fut, V, M>(
    mut state: Pin<&mut State<P, Fut, E>>,
    call: &mut Option<Call<Req, F, V>>,
    cx: &mut Context<'_>,
) -> Poll<Result<Res, E>>
where
    Fut: Future<Output = Result<Res, E>>,
    V: Classify<Req, Res, E, M>,
{
    let StateProjection::Backup { call: backup } = state.as_mut().project() else {
        unreachable!("polled only when the backup was asked");
    };
    let result = ready!(backup.poll(cx));
    state.set(State::Ended);
    let going = call.as_mut().expect("present until the answer");
    let is_success = result.is_ok() && going.judge(2, &result) == Verdict::Done;
    going.report.end(if is_success {
        FallbackResult::Answered
    } else {
        FallbackResult::Failed
    });
    *call = None;
    Poll::Ready(result)
}

impl<S: Service<Req>, Req, F, Fut, V, M> fmt::Debug for FallbackFuture<S, Req, F, Fut, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::First { .. } => "first",
            State::NotReady { .. } => "not ready",
            State::Backup { .. } => "backup",
            State::Ended => "ended",
        };
        f.debug_struct("FallbackFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

// === impl Call ===

impl<Req, F, V> Call<Req, F, V> {
    #[inline]
    fn new(request: Option<Req>, parts: Parts<F, V>, is_timed: bool) -> Self {
        Self {
            request,
            f: parts.f,
            classifier: parts.classifier,
            started: is_timed.then(Instant::now),
            report: Report {
                observer: parts.observer,
                is_due: false,
            },
        }
    }

    #[inline]
    fn judge<Res, E, M>(&self, number: u32, result: &Result<Res, E>) -> Verdict
    where
        V: Classify<Req, Res, E, M>,
    {
        let now = Now::unread();
        let attempt = Attempt::new(number, self.request.as_ref(), self.started, &now);
        self.classifier.classify(&attempt, result)
    }
}

// === impl Report ===

impl Report {
    fn end(&mut self, result: FallbackResult) {
        self.is_due = false;
        fallback_ended(self.observer.as_deref(), result);
    }
}

impl Drop for Report {
    #[inline]
    fn drop(&mut self) {
        if self.is_due {
            self.end(FallbackResult::Cancelled);
        }
    }
}
