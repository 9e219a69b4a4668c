//! What a call holds, in each of its states.

use std::{borrow::Borrow, pin::Pin};

use pin_project::pin_project;
use tokio::time::Sleep;
use tower_service::Service;

use crate::{
    budget::Budget,
    layer::source::Source,
    policy::{CallState, Classify, Engine},
    types::{Now, Verdict},
};

/// What a call holds from its beginning to its end.
pub(super) struct Call<S, Req, P: Source> {
    /// `None` if no further attempt can follow.
    pub(super) spare: Option<Spare<S, Req>>,
    pub(super) state: CallState,
    pub(super) engine: P::Kept,
    /// Held for the budget, until it is dropped.
    _token: <P::Budget as Budget>::Call,
}

/// What the next attempt needs.
pub(super) struct Spare<S, Req> {
    pub(super) service: S,
    pub(super) request: Req,
}

#[pin_project(project = StateProjection)]
pub(super) enum State<F, N, R> {
    First {
        #[pin]
        attempt: F,
    },
    /// A separate type, so that a call that needs no retry does not pay for dropping its parts.
    Later(#[pin] Later<F, N, R>),
    /// Between an attempt and what follows it.
    Ended,
}

#[pin_project(project = LaterProjection)]
pub(super) enum Later<F, N, R> {
    Retrying {
        #[pin]
        attempt: F,
        /// `None` after it has ended.
        retry: Option<R>,
    },
    Waiting {
        #[pin]
        timer: Sleep,
        /// `None` after the wait is over.
        next: Option<N>,
    },
    /// The spare service becomes ready for a further attempt.
    Readying {
        /// `None` only while the service is polled.
        next: Option<N>,
    },
}

/// What a retry holds from the decision to the attempt.
pub(super) struct Next<H, O> {
    pub(super) hold: H,
    /// The answer if the service is not ready at once, or if the attempt would begin too late. `None` if neither can
    /// end the call.
    pub(super) failed: Option<O>,
}

/// The last attempt that has ended.
///
/// Passed by reference: a result is large, and each move copies it.
pub(super) struct Last<O> {
    /// `Done` if it has not failed, or is not judged.
    pub(super) verdict: Verdict,
    pub(super) now: Now,
    /// `None` if it is not kept.
    pub(super) result: Option<O>,
}

pub(super) type LastOf<S, Req> = Last<ResultOf<S, Req>>;

pub(super) type StateOf<S, Req, P> = State<
    <S as Service<Req>>::Future,
    NextOf<S, Req, <P as Source>::Budget>,
    <<P as Source>::Budget as Budget>::Retry,
>;

pub(super) type NextOf<S, Req, B> = Next<<B as Budget>::Hold, ResultOf<S, Req>>;

pub(super) type ResultOf<S, Req> =
    Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>;

/// Drops all that the call held, at the answer and not when the future is dropped.
#[inline]
pub(super) fn end<S: Service<Req>, Req, P: Source>(
    mut state: Pin<&mut StateOf<S, Req, P>>,
    call: &mut Option<Call<S, Req, P>>,
) {
    state.set(State::Ended);
    *call = None;
}

// === impl Last ===

impl<O> Last<O> {
    /// Before an attempt has ended.
    #[inline]
    pub(super) const fn none() -> Self {
        Self {
            verdict: Verdict::Done,
            now: Now::unread(),
            result: None,
        }
    }

    #[inline]
    pub(super) fn answer(self) -> O {
        self.result.expect("written before the call is ready")
    }
}

// === impl Call ===

impl<S: Service<Req>, Req, P: Source> Call<S, Req, P> {
    #[inline]
    pub(super) const fn new(
        spare: Option<Spare<S, Req>>,
        state: CallState,
        token: <P::Budget as Budget>::Call,
        engine: P::Kept,
    ) -> Self {
        Self {
            spare,
            state,
            engine,
            _token: token,
        }
    }

    #[inline]
    fn engine(&self) -> &Engine<P::Classifier, P::Replay, P::Budget> {
        self.engine.borrow()
    }

    /// The result of an attempt is the answer.
    #[inline]
    pub(super) fn done(&self, now: &Now, retry: Option<<P::Budget as Budget>::Retry>, is_ok: bool) {
        self.engine().done(&self.state, now, retry, is_ok);
    }

    #[inline]
    pub(super) fn judge<M>(&self, result: &ResultOf<S, Req>, now: &Now) -> Verdict
    where
        P::Classifier: Classify<Req, S::Response, S::Error, M>,
    {
        let request = self.spare.as_ref().map(|spare| &spare.request);
        self.engine().judge(&self.state, request, now, result)
    }
}
