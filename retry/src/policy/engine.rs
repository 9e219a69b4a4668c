mod decide;

use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{
    observe::Listener,
    policy::{
        builder::Numbers, call_state::CallState, config::Config, plan::Plan, request::Replay,
        shared::Shared,
    },
    types::{Event, GiveUpReason, Now, Verdict},
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

    pub(super) fn given_name(&self) -> Option<&'static str> {
        self.shared.observers().given_name()
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
        debug.field("name", &self.given_name());
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
        verdict: &Verdict,
        repeatable: bool,
        now: &Now,
    ) -> Result<Duration, GiveUpReason> {
        let (plan, is_plain) = (
            self.plan(),
            matches!(verdict, Verdict::Retry | Verdict::RetryCosting(_)),
        );
        let has_no_wait = is_plain && repeatable && plan.has_no_delays();
        if has_no_wait && plan.may_follow(call, now) && self.shared.is_free() {
            return Ok(Duration::ZERO);
        }
        self.wait_in_general(call, verdict, repeatable, now)
    }

    /// Out of line: a policy without delays does not pay for its size.
    #[inline(never)]
    fn wait_in_general(
        &self,
        call: &mut CallState,
        verdict: &Verdict,
        repeatable: bool,
        now: &Now,
    ) -> Result<Duration, GiveUpReason> {
        let generator = || self.shared.generator();
        let config = self.config();
        let wait = config.wait(call, *verdict, repeatable, now, generator)?;
        // Last: asked only about a retry that nothing else forbids.
        if self.is_off(now) {
            return Err(GiveUpReason::Forced);
        }
        Ok(wait)
    }
}
