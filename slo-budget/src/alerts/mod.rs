//! Alerts on the burn rates of a budget.

mod alert;
pub(crate) mod builder;
mod evaluate;
mod reconfigure;
mod rule;
mod state;
mod tracing;

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    alerts::{evaluate::Rules, state::Status},
    budget::ErrorBudget,
    burn::Warning,
    observe::{Listener, Listeners},
    record::Settings,
    sync::Mutex,
};

pub use alert::{Alert, AlertEvent, AlertsSnapshot};
pub use builder::{AlertsBuilder, WithoutData};
pub use rule::{AlertRule, Severity};
pub use state::AlertState;

/// Alerts on an [`ErrorBudget`]: several pairs of windows, each pending, firing or resolved. A cheap handle; all
/// clones share the state.
///
/// The crate spawns no task: call [`evaluate`](Self::evaluate) about once a slot, or spawn [`run`](Self::run).
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Alerts, ErrorBudget, Event, Objective, Severity};
///
/// let budget = ErrorBudget::new("api", Objective::new(999, 1000).unwrap());
/// let alerts = Alerts::new(budget.clone());
/// let listener = alerts.on_event(|event| println!("{event}"));
/// for n in 0..1000 {
///     budget.record(if n % 20 == 0 { Event::Bad } else { Event::Good });
/// }
/// let now = alerts.evaluate();
/// assert!(now.active().all(|alert| alert.severity() == Severity::Page));
/// assert_eq!(now.active().count(), 2);
/// # drop(listener);
/// ```
#[doc(alias("AlertPolicy", "MWMBR", "multi-burn-rate", "multiwindow"))]
#[derive(Clone)]
pub struct Alerts(Arc<Shared>);

struct Shared {
    budget: ErrorBudget,
    /// Never taken by a request.
    inside: Mutex<Inside>,
    listeners: Arc<Listeners<AlertEvent>>,
    watched: watch::Sender<AlertsSnapshot>,
}

#[derive(Debug)]
struct Inside {
    configured: Configured,
    statuses: [Status; 4],
    latest: AlertsSnapshot,
}

/// A configuration, and the rules at these settings of the budget.
#[derive(Debug)]
struct Configured {
    builder: AlertsBuilder,
    settings: Arc<Settings>,
    rules: Rules,
}

impl Alerts {
    /// Alerts on `budget` with the defaults. A default rule that cannot work with the objective and the period of
    /// the budget is left out; [`AlertsBuilder::build`] would refuse it.
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

    /// Starts a configuration; [`AlertsBuilder::build`] completes it.
    pub const fn builder() -> AlertsBuilder {
        AlertsBuilder::new()
    }

    fn of(budget: ErrorBudget, configured: Configured) -> Self {
        let latest = configured.rules.initial();
        let (listeners, watched) = (Listeners::new(), watch::Sender::new(latest));
        // As the first listener, so that watchers see changes in order and are woken with no lock held, and only when
        // an alert has changed.
        let sender = watched.clone();
        let tell = move |event: &AlertEvent| {
            sender.send_replace(*event.all());
            tracing::changed(event);
        };
        listeners.listen(tell).detach();
        Self(Arc::new(Shared {
            budget,
            inside: Mutex::new(Inside {
                configured,
                statuses: [Status::NEW; 4],
                latest,
            }),
            listeners,
            watched,
        }))
    }

    /// The budget that they watch.
    #[must_use]
    pub fn budget(&self) -> &ErrorBudget {
        &self.0.budget
    }

    /// Evaluates all alerts now, and tells listeners of the changes.
    ///
    /// Costs a lock, and two subtractions for each rule. Evaluating more than once a slot has little use.
    #[expect(clippy::must_use_candidate, reason = "also called for its events")]
    pub fn evaluate(&self) -> AlertsSnapshot {
        self.evaluate_at(Instant::now())
    }

    /// As [`evaluate`](Self::evaluate), at `now`. An instant before the latest instant seen counts as the latest.
    #[expect(clippy::must_use_candidate, reason = "also called for its events")]
    pub fn evaluate_at(&self, now: Instant) -> AlertsSnapshot {
        let Shared {
            budget, listeners, ..
        } = &*self.0;
        let mut inside = self.0.inside.lock();
        let Inside {
            configured: Configured {
                settings, rules, ..
            },
            statuses,
            ..
        } = inside.following(budget);
        let view = budget.core().view(now);
        let all = rules.step(settings.objective, statuses, &view);
        drop(view);
        let before = std::mem::replace(&mut inside.latest, all).alerts;
        for (index, (was, is)) in before.into_iter().zip(all.alerts).enumerate() {
            let (Some(was), Some(alert)) = (was, is) else {
                continue;
            };
            if (was.state, was.is_inhibited) != (alert.state, alert.is_inhibited) {
                // Under the lock, so that events are in the order of the changes.
                listeners.put(AlertEvent {
                    subject: budget.core().subject(),
                    index,
                    alert,
                    all,
                    at: now,
                });
            }
        }
        drop(inside);
        listeners.deliver();
        all
    }

    /// Evaluates about once a slot of the budget's resolution, forever. Spawn it, or use it in a `select!`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the evaluation. It can be run again.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with an enabled timer.
    pub async fn run(&self) -> Infallible {
        let slot = Duration::from_nanos(self.0.budget.core().settings().resolution);
        let mut slots = interval(slot);
        slots.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            slots.tick().await;
            self.evaluate();
        }
    }

    /// The alerts as of the last evaluation.
    #[must_use]
    pub fn snapshot(&self) -> AlertsSnapshot {
        self.0.inside.lock().latest
    }

    /// Follows all alerts, as of the latest change of any of them.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<AlertsSnapshot> {
        self.0.watched.subscribe()
    }

    /// Warnings about the rules: legal, and probably not intended. Those about the budget come from
    /// [`ErrorBudget::warnings`].
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut inside = self.0.inside.lock();
        let Configured {
            builder,
            settings,
            rules,
        } = &inside.following(&self.0.budget).configured;
        let mut warnings = rules.warnings(settings);
        let unfit = builder.rules_for(settings).err();
        warnings.extend(unfit.map(Warning::BudgetChanged));
        warnings
    }

    /// Calls `f` with every change of an alert from now on, in order.
    ///
    /// Starting or ending to be inhibited is a change too; [`Alert::is_active`] tells whether a person should know
    /// of the alert. `f` runs after the change, with no lock held, in the thread that evaluates. A slow `f` delays
    /// only that thread, and a panic in `f` is caught. `f` must not own the alerts that it listens to, or neither
    /// is ever dropped.
    pub fn on_event(&self, f: impl Fn(&AlertEvent) + Send + Sync + 'static) -> Listener {
        self.0.listeners.listen(f)
    }
}

impl Inside {
    /// With the rules at the present settings of the budget.
    fn following(&mut self, budget: &ErrorBudget) -> &mut Self {
        let settings = budget.core().settings();
        if !Arc::ptr_eq(&self.configured.settings, &settings) {
            self.configured.rules.follow(&settings);
            self.configured.settings = settings;
        }
        self
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts")
            .field("budget", &self.0.budget)
            .field("latest", &self.snapshot())
            .finish_non_exhaustive()
    }
}
