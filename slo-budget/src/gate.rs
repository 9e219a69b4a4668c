use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Class, Decision, ErrorBudget, GateBuilder, Reasons, Spent, door::Door, policy::Policy,
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
}

/// What a [`Gate`] is at, made by [`Gate::snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    reasons: Reasons,
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
        }))
    }

    /// The budget that it looks at.
    #[must_use]
    pub fn budget(&self) -> &ErrorBudget {
        &self.0.budget
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
        if reasons.is_empty() || self.0.door.admit_probe(self.0.one_probe_in) {
            return Ok(());
        }
        let retry_after = Duration::from_nanos(self.0.policy.retry_after(reasons));
        Err(Spent::new(self.0.budget.name(), retry_after, reasons))
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
        Snapshot {
            reasons: self.decide(now),
            refused: self.0.door.refused(self.0.one_probe_in),
            probes: self.0.door.probes(),
        }
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
        door.refresh(budget.core().tick(now), policy.resolution, |was| {
            let view = budget.core().view(now);
            policy.admission(was, view.tick(), |window| view.window(window))
        });
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
