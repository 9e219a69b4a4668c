//! The admission gate: what it decides, what it is made of, and what it says.

pub(crate) mod builder;
mod class;
mod decision;
pub(crate) mod policy;
mod reasons;
mod spent;
pub(crate) mod state;
mod transition;

pub use builder::{Admission, GateBuilder};
pub use class::{AllOptional, Class, ClassBy, ClassOf};
pub use decision::{Decision, NoData};
pub use reasons::{Reason, Reasons};
pub use spent::Spent;
pub use transition::{Change, Transition};

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::ErrorBudget,
    gate::{
        policy::Policy,
        state::{Decided, Door},
    },
    observe::{Listener, outbox::Outbox},
    types::Override,
};

/// Admits optional work only while an [`ErrorBudget`] lasts: a cheap handle to a decision that all its
/// clones share.
///
/// ```text
///          the period's budget is spent, or a page fires
///          (with enough bad events, and not by chance)
///   open ───────────────────────────────────────────────► closed: optional requests are refused,
///    ▲                                                      │     but for one in 50 and one a minute
///    └──────────────────────────────────────────────────────┘
///          all that closed it is at or below 90 % of its line
/// ```
///
/// An operator can [`force`](Self::force) it open or closed, which stands above all this until it ends.
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
    door: Door,
    outbox: Arc<Outbox<Transition>>,
}

/// What a [`Gate`] is at, made by [`Gate::snapshot`].
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
    /// A gate on `budget` with the defaults. A default page that the budget's objective and period make
    /// useless (see [`GateBuilder::build`], which refuses it) is left out.
    ///
    /// # Panics
    ///
    /// Never: what is left of the defaults is valid.
    #[must_use]
    pub fn new(budget: ErrorBudget) -> Self {
        Self::builder()
            .build_what_fits(budget)
            .expect("what does not fit was left out")
    }

    /// The configuration, to be completed by [`GateBuilder::build`].
    pub const fn builder() -> GateBuilder {
        GateBuilder::new()
    }

    pub(crate) fn of(budget: ErrorBudget, policy: &Policy, one_probe_in: u32) -> Self {
        Self(Arc::new(Shared {
            budget,
            policy: *policy,
            one_probe_in,
            door: Door::new(),
            outbox: Outbox::new(),
        }))
    }

    /// The budget that it looks at.
    #[must_use]
    pub fn budget(&self) -> &ErrorBudget {
        &self.0.budget
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Whether it looks at the very `budget`, or a clone of it.
    pub(crate) fn is_on(&self, budget: &ErrorBudget) -> bool {
        std::ptr::eq(self.0.budget.core(), budget.core())
    }

    /// Whether a request of this class is admitted now.
    ///
    /// Costs a clock read and two loads while it is open, and one addition more while it is closed. Once a
    /// slot of the budget's resolution one caller decides anew, from a handful of subtractions; no other
    /// waits for it. That one may wait for somebody who reads the figures at the same moment, which is short.
    ///
    /// # Errors
    ///
    /// [`Spent`] for an optional request when the gate is closed and this is no probe.
    pub fn check(&self, class: Class) -> Result<(), Spent> {
        match class {
            // Not even a clock read.
            Class::Essential => Ok(()),
            Class::Optional => self.check_at(class, Instant::now()),
        }
    }

    /// As [`check`](Self::check), at `now`, a clock read that the caller has made anyway.
    ///
    /// # Errors
    ///
    /// [`Spent`] for an optional request when the gate is closed and this is no probe.
    pub fn check_at(&self, class: Class, now: Instant) -> Result<(), Spent> {
        if class == Class::Essential {
            return Ok(());
        }
        let reasons = self.decide(now);
        if reasons.is_empty() {
            return Ok(());
        }
        let Shared { budget, door, .. } = &*self.0;
        let left = |until: u64| until.saturating_sub(budget.core().tick(now));
        let mut retry_after = (self.0.policy).retry_after(reasons, door.period_until().map(left));
        if reasons.contains(Reason::Forced) {
            door.turn_away();
            if let Some(until) = door.forced_until() {
                retry_after = left(until);
            }
        } else if door.admit_probe(self.0.one_probe_in) {
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

    /// What it is at now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(Instant::now())
    }

    /// As [`snapshot`](Self::snapshot), at `now`.
    #[must_use]
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        let reasons = self.decide(now);
        let (decided, forced) = self.0.door.inside();
        Snapshot {
            reasons,
            decided,
            is_forced: forced.is_some(),
            refused: self.0.door.refused(self.0.one_probe_in),
            probes: self.0.door.probes(),
        }
    }

    /// Overrides the policy from now on: open or closed, with who says so and why, until the override ends
    /// or somebody [resumes](Self::resume). It replaces an override that holds. While it holds, the policy
    /// goes on deciding, without effect; [`deploy`](Self::deploy) does not know of it.
    ///
    /// No task waits for its end: that is seen by the first check or question at or after the instant.
    pub fn force(&self, by: Override) {
        self.force_at(by, Instant::now());
    }

    /// As [`force`](Self::force), at `now`, from which the override's time counts.
    pub fn force_at(&self, by: Override, now: Instant) {
        let Shared { budget, door, .. } = &*self.0;
        let tick = budget.core().tick(now);
        door.force(by, tick, |change, is_open| self.put(change, is_open, now));
        self.0.outbox.deliver();
    }

    /// Goes by the policy again, as it decided last: by whom and why. Gives the override that this ended;
    /// `None`, and nothing happens, if there is none.
    pub fn resume(
        &self,
        actor: impl Into<Arc<str>>,
        reason: impl Into<Arc<str>>,
    ) -> Option<Override> {
        // First, so that one that has run out says so, and is not resumed from.
        let now = Instant::now();
        self.decide(now);
        let (actor, reason) = (actor.into(), reason.into());
        let tell = |change, is_open| self.put(change, is_open, now);
        let ended = self.0.door.resume(actor, reason, tell);
        self.0.outbox.deliver();
        ended
    }

    /// The override that holds, if one does.
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.decide(Instant::now());
        self.0.door.inside().1
    }

    /// Calls `f` with everything that happens to the gate from now on, in order: for logs, metrics, an audit.
    ///
    /// It is called after the gate has changed, with no lock held, by whoever changed it or made the check
    /// that found it due; a slow `f` delays only that one, and one that panics nobody. It may ask and steer the gate.
    /// Let it not own the gate that it listens to, or neither is ever dropped.
    pub fn on_transition(&self, f: impl Fn(&Transition) + Send + Sync + 'static) -> Listener {
        self.0.outbox.listen(f)
    }

    fn put(&self, change: Change, is_open: bool, at: Instant) {
        self.0.outbox.put(Transition {
            name: self.0.budget.name(),
            change,
            is_open,
            at,
        });
    }

    /// Whether a deployment may go ahead now: every [limit](GateBuilder::limits)'s burn rate is below it,
    /// strictly. Independent of the gate being open, and without its guards against low traffic: at 99.9 %
    /// the default limits tolerate one error from 1,001 events in 1 h, 2,001 in 6 h and 5,001 in 24 h on.
    pub fn deploy(&self) -> Decision {
        self.deploy_at(Instant::now())
    }

    /// As [`deploy`](Self::deploy), at `now`.
    pub fn deploy_at(&self, now: Instant) -> Decision {
        let view = self.0.budget.core().view(now);
        Decision::of(self.0.policy.deployment(|window| view.window(window)))
    }

    /// The last decision, made anew when a slot has passed.
    fn decide(&self, now: Instant) -> Reasons {
        let Shared {
            budget,
            policy,
            door,
            ..
        } = &*self.0;
        let mut has_changed = false;
        let tick = budget.core().tick(now);
        door.refresh(
            tick,
            policy.resolution,
            |was| {
                let view = budget.core().view(now);
                let whole = view.whole(budget.core().settings().period);
                // What is left is left from the latest tick that was seen.
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
            self.0.outbox.deliver();
        }
        door.reasons()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("budget", &self.0.budget)
            .field("reasons", &self.0.door.reasons())
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

    /// Why it is closed; empty when it is open.
    #[must_use]
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// What the policy says, whether or not an override stands above it; empty is open.
    #[must_use]
    pub const fn decided(&self) -> Reasons {
        self.decided
    }

    /// Whether an override holds; [`Gate::forced`] gives it.
    #[must_use]
    pub const fn is_forced(&self) -> bool {
        self.is_forced
    }

    /// How many requests were refused since the gate was built.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// How many were admitted as probes while it was closed.
    #[must_use]
    pub const fn probes(&self) -> u64 {
        self.probes
    }
}
