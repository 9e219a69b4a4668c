//! A hedge that runs: how it ends.

use std::borrow::Borrow;

use crate::{
    budget::Budget,
    layer::Source,
    policy::{CallState, Classify, Engine},
    types::{HedgeResult, Now, Verdict},
};

/// A hedge that runs. It is lost unless it has won when this is dropped.
// The bound stands on the struct because `Drop` needs it.
pub(super) struct Token<P: Source> {
    state: CallState,
    engine: P::Kept,
    /// Held for the budget.
    retry: Option<<P::Budget as Budget>::Retry>,
    result: HedgeResult,
}

// === impl Token ===

impl<P: Source> Token<P> {
    #[inline]
    pub(super) const fn new(
        state: CallState,
        engine: P::Kept,
        retry: <P::Budget as Budget>::Retry,
    ) -> Self {
        Self {
            state,
            engine,
            retry: Some(retry),
            result: HedgeResult::Lost,
        }
    }

    pub(super) fn judge<Req, Res, Err, M>(&self, result: &Result<Res, Err>) -> Verdict
    where
        P::Classifier: Classify<Req, Res, Err, M>,
    {
        let engine: &Engine<_, _, _> = self.engine.borrow();
        engine.judge(&self.state, None, &Now::unread(), result)
    }

    /// The result of the hedge is the answer. The retry service records it, so a budget only gives back its price.
    pub(super) fn won(&mut self) {
        self.result = HedgeResult::Won;
        let engine: &Engine<_, _, P::Budget> = self.engine.borrow();
        if let Some(retry) = self.retry.take() {
            engine.budget().answered(retry);
        }
    }
}

impl<P: Source> Drop for Token<P> {
    fn drop(&mut self) {
        let engine: &Engine<P::Classifier, P::Replay, P::Budget> = self.engine.borrow();
        engine.hedged(self.result);
    }
}
