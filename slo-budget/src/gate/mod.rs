//! The admission gate: its handle, configuration, decisions and state.

mod builder;
mod class;
mod policy;
mod reasons;
mod spent;
mod state;
mod transition;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::ErrorBudget,
    burn::Warning,
    gate::{
        policy::Policy,
        state::{Decided, State},
    },
    observe::{Listener, Listeners},
    types::Override,
};

pub use builder::{Admission, GateBuilder, NoData};
pub use class::{AllOptional, Class, ClassBy, ClassOf};
pub use reasons::{Decision, Reason, Reasons};
pub use spent::Spent;
pub use transition::{Change, Transition};

/// Admits optional work only while an [`ErrorBudget`] lasts. A cheap handle; all clones share the decision.
///
/// ```text
///          the period's budget is spent, or a page fires
///          (with enough bad events, and not by chance)
///   open ───────────────────────────────────────────────► closed: optional requests are refused,
///    ▲                                                      │     except one in 50 and one a minute
///    └──────────────────────────────────────────────────────┘
///          everything that closed it is at or below 90 % of its line
/// ```
///
/// An operator can [`force`](Self::force) the gate open or closed. The override takes precedence until it ends.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Class, ErrorBudget, Event, Gate, Objective};
///
/// let budget = ErrorBudget::new("api", Objective::new(999, 1000).unwrap());
/// let gate = Gate::new(budget.clone());
/// assert!(gate.check(Class::Optional).is_ok());
/// assert!(gate.deploy().is_allowed());
/// ```
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    budget: ErrorBudget,
    policy: Policy,
    one_probe_in: u32,
    state: State,
    listeners: Arc<Listeners<Transition>>,
}

/// The state of a [`Gate`] at one moment. Made by [`Gate::snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    reasons: Reasons,
    decided: Reasons,
    is_forced: bool,
    refused: u64,
    probes: u64,
}

// === impl Gate ===

impl Gate {
    /// A gate on `budget` with the defaults. A default page that cannot work with the objective and the period of
    /// the budget is left out; [`GateBuilder::build`] would refuse it.
    ///
    /// # Panics
    ///
    /// Never: the remaining defaults are valid.
    #[must_use]
    pub fn new(budget: ErrorBudget) -> Self {
        Self::builder()
            .build_what_fits(budget)
            .expect("the remaining defaults are valid")
    }

    /// Starts a configuration; [`GateBuilder::build`] completes it.
    pub const fn builder() -> GateBuilder {
        GateBuilder::new()
    }

    fn of(budget: ErrorBudget, policy: &Policy, one_probe_in: u32) -> Self {
        Self(Arc::new(Shared {
            budget,
            policy: *policy,
            one_probe_in,
            state: State::new(),
            listeners: Listeners::new(),
        }))
    }

    /// The budget that it watches.
    #[must_use]
    pub fn budget(&self) -> &ErrorBudget {
        &self.0.budget
    }

    /// Whether a request of this class is admitted now.
    ///
    /// Costs a clock read and two loads while the gate is open, and one addition more while it is closed. Once a
    /// slot of the budget's resolution one caller decides again, from a few subtractions, and no other caller
    /// waits for it. The deciding caller may wait briefly for a thread that reads the figures.
    ///
    /// # Errors
    ///
    /// [`Spent`] for an optional request if the gate is closed and the request is no probe.
    pub fn check(&self, class: Class) -> Result<(), Spent> {
        match class {
            // Not even a clock read.
            Class::Essential => Ok(()),
            Class::Optional => self.check_at(class, Instant::now()),
        }
    }

    /// As [`check`](Self::check), at `now`, for a caller that has read the clock already.
    ///
    /// # Errors
    ///
    /// [`Spent`] for an optional request if the gate is closed and the request is no probe.
    pub fn check_at(&self, class: Class, now: Instant) -> Result<(), Spent> {
        if class == Class::Essential {
            return Ok(());
        }
        let reasons = self.decide(now);
        if reasons.is_empty() {
            return Ok(());
        }
        let Shared { budget, state, .. } = &*self.0;
        let left = |until: u64| until.saturating_sub(budget.core().tick(now));
        let mut retry_after = (self.0.policy).retry_after(reasons, state.period_until().map(left));
        if reasons.contains(Reason::Forced) {
            state.turn_away();
            if let Some(until) = state.forced_until() {
                retry_after = left(until);
            }
        } else if state.admit_probe(self.0.one_probe_in) {
            return Ok(());
        }
        let retry_after = Duration::from_nanos(retry_after);
        Err(Spent::new(budget.name(), retry_after, reasons))
    }

    /// Whether all classes are admitted now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.decide(Instant::now()).is_empty()
    }

    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(Instant::now())
    }

    /// As [`snapshot`](Self::snapshot), at `now`.
    #[must_use]
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        let reasons = self.decide(now);
        let (decided, forced) = self.0.state.inside();
        Snapshot {
            reasons,
            decided,
            is_forced: forced.is_some(),
            refused: self.0.state.refused(self.0.one_probe_in),
            probes: self.0.state.probes(),
        }
    }

    /// Overrides the policy from now on, until the override ends or an operator [resumes](Self::resume) the policy.
    /// Replaces the current override. Meanwhile the policy continues to decide, without effect;
    /// [`deploy`](Self::deploy) ignores overrides, as it answers another question.
    ///
    /// No task waits for the end of the override: the first check or query after it notices.
    pub fn force(&self, by: Override) {
        self.force_at(by, Instant::now());
    }

    /// As [`force`](Self::force), at `now`, when the override starts.
    pub fn force_at(&self, by: Override, now: Instant) {
        let Shared { budget, state, .. } = &*self.0;
        let tick = budget.core().tick(now);
        state.force(by, tick, |change, is_open| self.put(change, is_open, now));
        self.0.listeners.deliver();
    }

    /// Ends the override and follows the last decision of the policy. Returns the override that this ended;
    /// `None`, without any effect, if there is none.
    pub fn resume(
        &self,
        actor: impl Into<Arc<str>>,
        reason: impl Into<Arc<str>>,
    ) -> Option<Override> {
        // First, so that an override that has ended is reported as expired, and not as resumed.
        let now = Instant::now();
        self.decide(now);
        let (actor, reason) = (actor.into(), reason.into());
        let tell = |change, is_open| self.put(change, is_open, now);
        let ended = self.0.state.resume(actor, reason, tell);
        self.0.listeners.deliver();
        ended
    }

    /// The current override, if there is one.
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.decide(Instant::now());
        self.0.state.inside().1
    }

    /// Calls `f` with every transition of the gate from now on, in order: for logs, metrics, an audit.
    ///
    /// `f` runs after the gate has changed, with no lock held, in the thread that changed the gate or whose check
    /// found the change. A slow `f` delays only that thread, and a panic in `f` is caught. `f` may query and force
    /// the gate. It must not own the gate that it listens to, or neither is ever dropped.
    pub fn on_transition(&self, f: impl Fn(&Transition) + Send + Sync + 'static) -> Listener {
        self.0.listeners.listen(f)
    }

    fn put(&self, change: Change, is_open: bool, at: Instant) {
        self.0.listeners.put(Transition {
            name: self.0.budget.name(),
            change,
            is_open,
            at,
        });
    }

    /// Whether a deployment may go ahead now: every burn rate is below its [limit](GateBuilder::limits), strictly.
    ///
    /// Independent of whether the gate is open, and without guards against low traffic: at 99.9 % the default
    /// limits tolerate one error among at least 1,001 events in 1 h, 2,001 in 6 h and 5,001 in 24 h.
    pub fn deploy(&self) -> Decision {
        self.deploy_at(Instant::now())
    }

    /// As [`deploy`](Self::deploy), at `now`.
    pub fn deploy_at(&self, now: Instant) -> Decision {
        let view = self.0.budget.core().view(now);
        Decision::of(self.0.policy.deployment(|window| view.window(window)))
    }

    /// Warnings about the configuration of the gate: legal, and probably not intended. Those about its budget come
    /// from [`ErrorBudget::warnings`].
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.0.policy.warnings(self.0.budget.core().settings())
    }

    /// The current decision, made again if a slot has passed.
    fn decide(&self, now: Instant) -> Reasons {
        let Shared {
            budget,
            policy,
            state,
            ..
        } = &*self.0;
        let mut has_changed = false;
        let tick = budget.core().tick(now);
        state.refresh(
            tick,
            policy.resolution,
            |was| {
                let view = budget.core().view(now);
                let whole = view.whole(budget.core().settings().period);
                // What is left counts from the latest tick seen.
                let left = whole.left.map(|left| left.saturating_add(view.behind()));
                Decided {
                    reasons: policy.admission(was, &whole, |window| view.window(window)),
                    period_until: left.map_or(u64::MAX, |left| tick.saturating_add(left)),
                }
            },
            |change, is_open| {
                self.put(change, is_open, now);
                has_changed = true;
            },
        );
        if has_changed {
            self.0.listeners.deliver();
        }
        state.reasons()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("budget", &self.0.budget)
            .field("reasons", &self.0.state.reasons())
            .finish_non_exhaustive()
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Whether all classes are admitted.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Why it is closed; empty if it is open.
    #[must_use]
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// The decision of the policy, whatever an override says; empty for open.
    #[must_use]
    pub const fn decided(&self) -> Reasons {
        self.decided
    }

    /// Whether there is an override; [`Gate::forced`] returns it.
    #[must_use]
    pub const fn is_forced(&self) -> bool {
        self.is_forced
    }

    /// The number of requests refused since the gate was built.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The number of requests admitted as probes while it was closed.
    #[must_use]
    pub const fn probes(&self) -> u64 {
        self.probes
    }
}
