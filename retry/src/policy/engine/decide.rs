//! The decisions of a call, from its beginning to its end.

use tokio::time::Instant;

use super::{Again, Engine};
use crate::{
    budget::Budget,
    observe,
    policy::{call_state::CallState, classify::Classify, plan::Plan},
    types::{Attempt, Event, GiveUpReason, HedgeResult, Now, RetryReason, Verdict},
};

impl<V, Q, B: Budget> Engine<V, Q, B> {
    /// The beginning of a call, and whether another attempt could follow the first. `timed`: the classifier asks for
    /// the age of the call.
    #[inline]
    pub(in crate::policy) fn begin(
        &self,
        plan: Plan,
        timed: bool,
        deadline: Option<Instant>,
    ) -> (CallState, B::Call, bool) {
        let token = self.budget.enter();
        let (started, limit, may_follow) = if plan.is_plain() && !timed && deadline.is_none() {
            (None, None, true)
        } else {
            self.limits(timed, deadline)
        };
        (CallState::new(started, limit), token, may_follow)
    }

    /// What follows an attempt: another one, or nothing. `copy` is what it would send, `repeatable` whether there is
    /// anything to send, `retry` the budget's token if the attempt was a retry, `now` the end of the attempt.
    #[inline]
    pub(crate) fn after<Req, Res, Err, M>(
        &self,
        call: &mut CallState,
        copy: Option<&Req>,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: &Now,
        result: &Result<Res, Err>,
    ) -> Option<Again<B::Hold>>
    where
        V: Classify<Req, Res, Err, M>,
    {
        let verdict = self.judge(call, copy, now, result);
        if verdict == Verdict::Done {
            self.done(call, now, retry, result.is_ok());
            return None;
        }
        self.failed_out_of_line(call, &verdict, repeatable, retry, now)
    }

    /// Out of line, so that a call that needs no retry does not pay for its size.
    #[inline(never)]
    fn failed_out_of_line(
        &self,
        call: &mut CallState,
        verdict: &Verdict,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: &Now,
    ) -> Option<Again<B::Hold>> {
        self.failed(call, verdict, repeatable, retry, now)
    }

    /// The classifier's verdict on an attempt.
    #[inline]
    pub(crate) fn judge<Req, Res, Err, M>(
        &self,
        call: &CallState,
        copy: Option<&Req>,
        now: &Now,
        result: &Result<Res, Err>,
    ) -> Verdict
    where
        V: Classify<Req, Res, Err, M>,
    {
        let attempt = Attempt::new(call.attempt(), copy, call.started(), now);
        self.classifier.classify(&attempt, result)
    }

    /// An attempt ended whose result is the answer.
    #[inline]
    pub(crate) fn done(&self, call: &CallState, now: &Now, retry: Option<B::Retry>, is_ok: bool) {
        self.reached(retry.as_ref(), now);
        // An `Err` is no success of the service: see `Budget`.
        if is_ok {
            self.record(retry, false);
        } else if let Some(retry) = retry {
            self.budget.answered(retry);
        }
        self.shared.done(call.attempt());
    }

    /// An attempt failed: the decision to try again, or `None`.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "its two callers are out of line themselves: one frame, not two"
    )]
    pub(crate) fn failed(
        &self,
        call: &mut CallState,
        verdict: &Verdict,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: &Now,
    ) -> Option<Again<B::Hold>> {
        if *verdict == Verdict::Ignored {
            drop(retry);
            self.shared.done(call.attempt());
            return None;
        }
        self.reached(retry.as_ref(), now);
        let wait = match self.wait(call, verdict, repeatable, now) {
            Ok(wait) => wait,
            Err(reason) => {
                self.record(retry, true);
                self.give_up(call, reason);
                return None;
            }
        };
        // A budget that counts retries in flight sees the end of this one before it is asked for the next.
        drop(retry);
        // Last, so that nothing is taken for a retry that another rule forbids.
        let hold = match verdict {
            Verdict::Retry => self.budget.try_hold(now),
            _ => self.try_hold_on_terms(verdict, now),
        };
        let Some(hold) = hold else {
            self.give_up(call, GiveUpReason::Budget);
            return None;
        };
        self.report(|| Event::Retry {
            attempt: call.attempt(),
            wait,
            reason: (verdict.terms()).map_or(RetryReason::Failure, |terms| terms.reason()),
        });
        Some(Again { wait, hold })
    }

    /// Out of line: a plain retry does not pay for its size.
    #[inline(never)]
    fn try_hold_on_terms(&self, verdict: &Verdict, now: &Now) -> Option<B::Hold> {
        match verdict.terms().and_then(|terms| terms.price()) {
            Some(cost) => self.budget.try_hold_costing(now, cost),
            None => self.budget.try_hold(now),
        }
    }

    /// An attempt reached the service. The budget is told of the first one of a call.
    #[inline]
    fn reached(&self, retry: Option<&B::Retry>, now: &Now) {
        if retry.is_none() {
            self.budget.reached(now);
        }
    }

    /// The service was not ready for the retry that was decided on.
    pub(crate) fn not_ready(&self, call: &CallState) {
        self.give_up(call, GiveUpReason::NotReady);
    }

    /// The attempt that was decided on would begin at the time limit or later.
    pub(crate) fn too_late(&self, call: &CallState) {
        self.give_up(call, GiveUpReason::Time);
    }

    /// What became of the hedge of an attempt.
    pub(crate) fn hedged(&self, result: HedgeResult) {
        self.report(|| Event::Hedge { result });
    }

    fn give_up(&self, call: &CallState, reason: GiveUpReason) {
        self.report(|| Event::GaveUp {
            attempts: call.attempt(),
            reason,
        });
    }

    fn report(&self, event: impl FnOnce() -> Event) {
        let level = || self.budget.level(&Now::unread());
        observe::report(self.shared.observers(), event, level);
    }

    fn record(&self, retry: Option<B::Retry>, failed: bool) {
        match retry {
            Some(retry) => self.budget.record_retry(retry, failed),
            None => self.budget.record(failed),
        }
    }
}
