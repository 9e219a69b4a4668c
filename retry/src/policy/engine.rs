use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::Budget,
    observe::{self, Listener},
    policy::{
        builder::Numbers, call_state::CallState, classify::Classify, config::Config, plan::Plan,
        request::Replay, shared::Shared,
    },
    types::{Attempt, Event, GiveUpReason, HedgeResult, Now, RetryReason, Verdict},
};

/// Decides what follows an attempt: the part of a policy that a running call needs.
///
/// The closure that finds the deadline is not part of it: it is asked only when a call begins.
#[derive(Clone)]
#[expect(
    unnameable_types,
    missing_debug_implementations,
    reason = "only the hidden associated type of `Source` names it"
)]
pub struct Engine<V, Q, B> {
    shared: Shared,
    classifier: V,
    replay: Q,
    budget: B,
}

/// The decision to try again.
#[derive(Debug)]
pub(crate) struct Again<H> {
    pub(crate) wait: Duration,
    /// The beginning of the wait.
    pub(crate) now: Now,
    pub(crate) hold: H,
}

impl<V, Q, B> Engine<V, Q, B> {
    pub(super) fn new(numbers: &Numbers, classifier: V, replay: Q, budget: B) -> Self {
        Self {
            shared: Shared::new(numbers),
            classifier,
            replay,
            budget,
        }
    }

    /// The same numbers with other parts.
    pub(super) fn map<V2, Q2, B2>(
        self,
        parts: impl FnOnce(V, Q, B) -> (V2, Q2, B2),
    ) -> Engine<V2, Q2, B2> {
        let (classifier, replay, budget) = parts(self.classifier, self.replay, self.budget);
        Engine {
            shared: self.shared,
            classifier,
            replay,
            budget,
        }
    }

    /// A copy with another budget.
    #[cfg(feature = "family")]
    pub(crate) fn with_budget<B2>(&self, budget: B2) -> Engine<V, Q, B2>
    where
        V: Clone,
        Q: Clone,
    {
        Engine {
            shared: self.shared.clone(),
            classifier: self.classifier.clone(),
            replay: self.replay.clone(),
            budget,
        }
    }

    pub(super) const fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Whether an operator has turned retries and hedges off.
    #[inline]
    pub(crate) fn is_off(&self, now: &Now) -> bool {
        self.shared.is_off(now)
    }

    pub(super) fn name(&mut self, name: &'static str) {
        self.shared.name(name);
    }

    pub(super) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.shared.listen(f)
    }

    pub(super) fn change(&self, to: &Numbers) {
        self.shared.change(to);
    }

    #[cfg(feature = "metrics")]
    pub(super) fn resolve_metrics(&self) {
        self.shared.observers().resolve_metrics();
    }

    /// The fields of the policy, as `Debug` shows them.
    pub(super) fn describe(&self, debug: &mut fmt::DebugStruct<'_, '_>)
    where
        V: fmt::Debug,
        Q: fmt::Debug,
        B: fmt::Debug,
    {
        debug.field("name", &self.shared.observers().given_name());
        self.config().describe(debug);
        debug
            .field("budget", &self.budget)
            .field("classifier", &self.classifier)
            .field("replay", &self.replay);
    }

    #[inline]
    pub(super) fn plan(&self) -> Plan {
        self.shared.plan()
    }

    pub(super) fn config(&self) -> Config {
        self.shared.config()
    }

    pub(crate) const fn budget(&self) -> &B {
        &self.budget
    }

    /// Whether an attempt waits for the service to be ready, or gives up if it is not.
    pub(crate) fn waits_for_ready(&self) -> bool {
        self.plan().waits_for_ready()
    }

    /// The copy to send after the attempt that `call` is about to begin, if another one may follow it.
    #[inline]
    pub(crate) fn copy<Req>(&self, call: &CallState, request: &Req) -> Option<Req>
    where
        Q: Replay<Req>,
    {
        if self.plan().may_follow(call, &Now::unread()) {
            self.replay.replay(request)
        } else {
            None
        }
    }

    /// What copies requests.
    #[cfg(feature = "http")]
    pub(crate) const fn replayer(&self) -> &Q {
        &self.replay
    }

    #[inline]
    pub(super) fn replay<Req>(&self, request: &Req) -> Option<Req>
    where
        Q: Replay<Req>,
    {
        self.replay.replay(request)
    }
}

impl<V, Q, B> Engine<V, Q, B> {
    /// [`Config::limits`], out of line: a call without limits does not pay for its size.
    #[inline(never)]
    pub(super) fn limits(
        &self,
        timed: bool,
        deadline: Option<Instant>,
    ) -> (Option<Instant>, Option<Instant>, bool) {
        self.config().limits(timed, deadline)
    }

    /// How long to wait for the next attempt, or why there is none. `repeatable`: there is something to send.
    #[inline]
    fn wait(
        &self,
        call: &mut CallState,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
    ) -> Result<Duration, GiveUpReason> {
        let (plan, is_plain) = (
            self.plan(),
            matches!(verdict, Verdict::Retry | Verdict::RetryCosting(_)),
        );
        if is_plain && repeatable && plan.has_no_delays() && plan.may_follow(call, now) {
            return Ok(Duration::ZERO);
        }
        self.wait_in_general(call, verdict, repeatable, now)
    }

    /// Out of line: a policy without delays does not pay for its size.
    #[inline(never)]
    fn wait_in_general(
        &self,
        call: &mut CallState,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
    ) -> Result<Duration, GiveUpReason> {
        let generator = || self.shared.generator();
        self.config()
            .wait(call, verdict, repeatable, now, generator)
    }
}

impl<V, Q, B: Budget> Engine<V, Q, B> {
    /// The beginning of a call, and whether another attempt could follow the first. `timed`: the classifier asks for
    /// the age of the call.
    #[inline]
    pub(super) fn begin(
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
    /// anything to send, `retry` the budget's token if the attempt was a retry.
    #[inline]
    pub(crate) fn after<Req, Res, Err, M>(
        &self,
        call: &mut CallState,
        copy: Option<&Req>,
        repeatable: bool,
        retry: Option<B::Retry>,
        result: &Result<Res, Err>,
    ) -> Option<Again<B::Hold>>
    where
        V: Classify<Req, Res, Err, M>,
    {
        let now = Now::unread();
        let verdict = self.judge(call, copy, &now, result);
        if verdict == Verdict::Done {
            self.done(call, &now, retry, result.is_ok());
            return None;
        }
        self.failed_out_of_line(call, verdict, repeatable, retry, now)
    }

    /// Out of line, so that a call that needs no retry does not pay for its size.
    #[inline(never)]
    fn failed_out_of_line(
        &self,
        call: &mut CallState,
        verdict: Verdict,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: Now,
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
        verdict: Verdict,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: Now,
    ) -> Option<Again<B::Hold>> {
        if verdict == Verdict::Ignored {
            drop(retry);
            self.shared.done(call.attempt());
            return None;
        }
        self.reached(retry.as_ref(), &now);
        let wait = match self.wait(call, verdict, repeatable, &now) {
            Ok(_) if self.is_off(&now) => {
                self.record(retry, true);
                self.give_up(call, GiveUpReason::Forced);
                return None;
            }
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
        let terms = verdict.terms();
        let hold = match terms.and_then(|terms| terms.price()) {
            Some(cost) => self.budget.try_hold_costing(&now, cost),
            None => self.budget.try_hold(&now),
        };
        let Some(hold) = hold else {
            self.give_up(call, GiveUpReason::Budget);
            return None;
        };
        self.report(|| Event::Retry {
            attempt: call.attempt(),
            wait,
            reason: terms.map_or(RetryReason::Failure, |terms| terms.reason()),
        });
        Some(Again { wait, now, hold })
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
