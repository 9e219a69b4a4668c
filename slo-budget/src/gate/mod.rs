//! The admission gate: its handle, configuration, decisions and state.

mod builder;
mod class;
mod config;
mod control;
mod demand;
mod done;
mod episode;
mod law;
mod order;
mod policy;
mod reasons;
mod recent;
mod rules;
#[cfg(feature = "serde")]
mod saved;
mod snapshot;
mod spent;
mod standing;
mod state;
mod tracing;
mod transition;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::ErrorBudget,
    burn::Warning,
    gate::{
        config::{Config, Configured},
        done::Tally,
        law::WHOLE,
        policy::step,
        standing::Standing,
        state::{SECOND, Sample, State, View},
    },
    observe::{Listener, Listeners},
    record::{Epoch, budgeting_method::trials},
};

pub use builder::{GateBuilder, NoData, WhenSpent};
pub use class::{AllOptional, Class, ClassBy, ClassOf};
#[cfg(feature = "metrics")]
pub(crate) use done::Done;
pub use reasons::{Decision, Reason, Reasons};
#[cfg(feature = "serde")]
pub use saved::SavedOverride;
pub use snapshot::Snapshot;
pub use spent::Spent;
pub use transition::{Change, Transition};

/// Admits a share of optional work: all of it while an [`ErrorBudget`] burns no faster than it may, and less while it
/// does. A cheap handle; all clones share the decision.
///
/// ```text
///           a second burns faster than the pace (with enough bad events, and not by chance):
///           the share falls by the part that failed, at most by half, down to 1 %
///   all  ───────────────────────────────────────────────────────────────────────────────►  a share
///    ▲                                                                                         │
///    └─────────────────────────────────────────────────────────────────────────────────────────┘
///           the failures that were due are missing: it rises to the whole within 15 s
/// ```
///
/// The time before it was built counts as good: when a new gate begins to refuse, also in a test, is in the
/// [guide](crate::guide#when-a-new-gate-begins-to-refuse).
///
/// An operator can force the gate [open](Self::force_open) or [closed](Self::force_closed). The override takes precedence
/// until it ends.
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
#[doc(alias("admission control", "load shedding", "throttling"))]
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    budget: ErrorBudget,
    config: Config,
    /// That of the budget.
    epoch: Epoch,
    resolution: u64,
    state: State,
    listeners: Arc<Listeners<Transition>>,
    tally: Tally,
}

// === impl Gate ===

impl Gate {
    /// A gate on `budget` with the defaults.
    ///
    /// # Panics
    ///
    /// Never: the defaults are valid with every budget.
    #[must_use]
    pub fn new(budget: ErrorBudget) -> Self {
        Self::builder()
            .build(budget)
            .expect("the defaults are valid with every budget")
    }

    /// Starts a configuration; [`GateBuilder::build`] completes it.
    pub const fn builder() -> GateBuilder {
        GateBuilder::new()
    }

    fn of(budget: ErrorBudget, configured: Configured) -> Self {
        let now = Instant::now();
        let Configured {
            settings, policy, ..
        } = &configured;
        let counts = trials(settings.slices, budget.core().view(now).counts());
        let state = State::new(&policy.rules, budget.core().tick(now), counts);
        let listeners = Listeners::new();
        if cfg!(feature = "tracing") {
            listeners.listen(tracing::changed).detach();
        }
        Self(Arc::new(Shared {
            epoch: budget.core().epoch(),
            budget,
            resolution: settings.resolution,
            config: Config::new(configured),
            state,
            listeners,
            tally: Tally::new(),
        }))
    }

    /// The budget that it watches.
    #[must_use]
    pub fn budget(&self) -> &ErrorBudget {
        &self.0.budget
    }

    /// Whether a request of this class is admitted now.
    ///
    /// Costs a clock read and two loads while the gate is open, and one or two additions more while it refuses a share.
    /// Once a second one caller decides again, from a few subtractions, and no other caller waits for it. The deciding
    /// caller may wait briefly for a thread that reads the figures or reconfigures.
    ///
    /// # Errors
    ///
    /// [`Spent`] for an optional request that is not in the share that is admitted.
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
    /// [`Spent`] for an optional request that is not in the share that is admitted.
    pub fn check_at(&self, class: Class, now: Instant) -> Result<(), Spent> {
        if class == Class::Essential {
            return Ok(());
        }
        let tick = self.0.epoch.tick(now);
        if self.0.state.is_open(tick) {
            return Ok(());
        }
        self.check_again(now, tick)
    }

    /// Decides if a decision is due, and admits a share of the optional requests. Out of line, so that an open gate stays
    /// short.
    #[inline(never)]
    fn check_again(&self, now: Instant, tick: u64) -> Result<(), Spent> {
        let standing = self.decide(now, tick);
        if standing == Standing::OPEN {
            return Ok(());
        }
        let shared = &*self.0;
        let (state, resolution) = (&shared.state, shared.resolution);
        let reasons = state.explain(standing);
        let left = |until: u64| until.saturating_sub(tick);
        let retry_after = if reasons.contains(Reason::Forced) {
            state.demand().turn_away();
            (state.forced_until()).map_or_else(|| step(resolution, None), left)
        } else if state.demand().admit(standing.share()) {
            return Ok(());
        } else if reasons.contains(Reason::BudgetSpent) {
            step(resolution, state.period_until().map(left))
        } else {
            standing.seconds() * SECOND
        };
        let spent = Spent::new(shared.budget.core().subject(), retry_after, reasons);
        tracing::refused(&spent);
        Err(spent)
    }

    /// Whether all classes are admitted now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let now = Instant::now();
        self.decide(now, self.0.epoch.tick(now)) == Standing::OPEN
    }

    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(Instant::now())
    }

    /// As [`snapshot`](Self::snapshot), at `now`.
    #[must_use]
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        self.decide(now, self.0.epoch.tick(now));
        let view = self.view(now);
        let Shared { budget, state, .. } = &*self.0;
        let core = budget.core();
        let Configured {
            settings, policy, ..
        } = self.configured();
        let standing = state.standing();
        let pace = policy.rules.pace(&core.view(now).whole(settings.period));
        let ago = |tick: u64| Duration::from_nanos(core.tick(now).saturating_sub(tick));
        Snapshot {
            subject: core.subject(),
            reasons: state.explain(standing),
            decided: view.decided,
            is_forced: view.forced.is_some(),
            share: f64::from(standing.share()) / f64::from(WHOLE),
            pace: f64::from(pace) / 1000.0,
            refused: state.demand().refused(),
            since: view.since.and_then(|tick| now.checked_sub(ago(tick))),
        }
    }

    /// Calls `f` with every transition of the gate from now on, in order: for logs, metrics, an audit.
    ///
    /// `f` runs after the gate has changed, with no lock held, in the thread that changed the gate or whose check
    /// found the change. A slow `f` delays only that thread, and a panic in `f` is caught. `f` may query and force
    /// the gate. It must not own the gate that it listens to, or neither is ever dropped.
    pub fn on_transition(&self, f: impl Fn(&Transition) + Send + Sync + 'static) -> Listener {
        self.0.listeners.listen(f)
    }

    /// The state for people.
    fn view(&self, now: Instant) -> View {
        let Shared { budget, state, .. } = &*self.0;
        let tell = |change, is_open| self.put(change, is_open, now);
        let view = state.view(budget.core().tick(now), tell);
        self.0.listeners.deliver();
        view
    }

    fn put(&self, change: Change, is_open: bool, at: Instant) {
        self.0.tally.add(&change);
        self.0.listeners.put(Transition {
            subject: self.0.budget.core().subject(),
            change,
            is_open,
            at,
        });
    }

    /// What the gate did since this was last asked.
    #[cfg(feature = "metrics")]
    pub(crate) fn take_done(&self) -> Done {
        self.0.tally.take(|| self.0.state.demand().refusals())
    }

    /// Whether a deployment may go ahead now: every burn rate is below its [limit](GateBuilder::limits), strictly.
    ///
    /// Independent of whether the gate is open, and without guards against low traffic: at 99.9 % the default
    /// limits tolerate one error among at least 1,001 events in 1 h, 2,001 in 6 h and 5,001 in 24 h.
    #[doc(alias("change freeze", "error budget policy", "release freeze"))]
    pub fn deploy(&self) -> Decision {
        self.deploy_at(Instant::now())
    }

    /// As [`deploy`](Self::deploy), at `now`.
    pub fn deploy_at(&self, now: Instant) -> Decision {
        let policy = self.configured().policy;
        let view = self.0.budget.core().view(now);
        Decision::of(policy.deployment(|window| view.window(window)))
    }

    /// Warnings about the configuration of the gate: legal, and probably not intended. Those about its budget come
    /// from [`ErrorBudget::warnings`].
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let current = self.configured();
        let unfit = (current.builder.policy(&current.settings)).err();
        let mut warnings = current.policy.warnings(&current.settings);
        warnings.extend(unfit.map(Warning::BudgetChanged));
        warnings
    }

    /// The current decision, made again if a second has passed.
    fn decide(&self, now: Instant, tick: u64) -> Standing {
        if self.0.state.is_stale(tick) {
            self.decide_again(now, tick);
        }
        self.0.state.standing()
    }

    // Out of line, as it happens once a second.
    #[inline(never)]
    fn decide_again(&self, now: Instant, tick: u64) {
        let Shared { budget, state, .. } = &*self.0;
        let core = budget.core();
        let mut has_changed = false;
        state.refresh(
            tick,
            |was| {
                // Not before: callers that find another one deciding take no lock.
                let Configured {
                    settings, policy, ..
                } = self.configured();
                let view = core.view(now);
                let whole = view.whole(settings.period);
                // What is left counts from the latest tick seen.
                let left = whole.left.map(|left| left.saturating_add(view.behind()));
                Sample {
                    rules: policy.rules,
                    counts: trials(settings.slices, view.counts()),
                    pace: policy.rules.pace(&whole),
                    strict: policy.strict(was, &whole),
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
