//! What may become a hedge: the decision whether it does.

use std::{
    borrow::Borrow,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    budget::Budget,
    hedge::{Hedge, future::ResultOf, token::Token},
    layer::Source,
    policy::{CallState, Classify, Engine},
    types::{HedgeResult, Now, Verdict},
};

/// What a hedge needs.
pub(super) struct Plan<S, Req, P: Source, H, W> {
    pub(super) service: S,
    pub(super) request: Req,
    pub(super) state: CallState,
    pub(super) engine: P::Kept,
    pub(super) hedge: H,
    pub(super) only_while: W,
}

// === impl Plan ===

impl<S, Req, P: Source, H: Borrow<Hedge>, W> Plan<S, Req, P, H, W> {
    /// An attempt ended before a hedge was decided on.
    #[inline]
    pub(super) fn learn<M>(self, result: &ResultOf<S, Req>, is_late: bool)
    where
        S: Service<Req>,
        P::Classifier: Classify<Req, S::Response, S::Error, M>,
    {
        let pace = self.hedge.borrow().pace();
        if is_late {
            pace.reached();
        } else if result.is_ok() {
            // A fast failure says nothing about the latency, and must not pay for hedges.
            let engine: &Engine<_, _, _> = self.engine.borrow();
            let request = Some(&self.request);
            if engine.judge(&self.state, request, &Now::unread(), result) == Verdict::Done {
                pace.early();
            }
        }
    }

    /// The delay is over: begins the hedge, unless something forbids it.
    pub(super) fn begin(self, cx: &mut Context<'_>) -> Option<(S::Future, Token<P>)>
    where
        S: Service<Req>,
        W: Fn() -> bool,
    {
        let Self {
            mut service,
            request,
            state,
            engine,
            hedge,
            only_while,
        } = self;
        let pace = hedge.borrow().pace();
        pace.reached();
        let kept: &Engine<P::Classifier, P::Replay, P::Budget> = engine.borrow();
        let budget = kept.budget();
        let granted = if state.is_limited() && state.is_late() {
            Err(HedgeResult::Time)
        } else if kept.is_off(&Now::unread()) {
            Err(HedgeResult::Forced)
        } else if !only_while() {
            Err(HedgeResult::Off)
        } else if !pace.take() {
            Err(HedgeResult::Credit)
        } else if !matches!(service.poll_ready(cx), Poll::Ready(Ok(()))) {
            // Not kept until it is ready: it may have reserved room that the first attempt of another call needs.
            pace.give_back();
            Err(HedgeResult::NotReady)
        } else {
            budget.try_hold_hedge(&Now::unread()).ok_or_else(|| {
                pace.give_back();
                HedgeResult::Budget
            })
        };
        let hold = match granted {
            Ok(hold) => hold,
            Err(result) => {
                kept.hedged(result);
                return None;
            }
        };
        // The hold is spent before the inner `call`: if that panics, the attempt has begun.
        let retry = budget.spend(hold);
        let token = Token::new(state, engine, retry);
        Some((service.call(request), token))
    }
}
