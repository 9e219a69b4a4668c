//! Alerts on the burn rates of a budget.

mod alert;
pub(crate) mod builder;
mod rule;
mod state;

pub use alert::{Alert, AlertEvent, AlertsSnapshot};
pub use builder::{AlertsBuilder, WithoutData};
pub use rule::{AlertRule, Severity};
pub use state::AlertState;

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    alerts::{builder::Rules, rule::Rule, state::Standing},
    budget::ErrorBudget,
    burn::significance::is_unlikely,
    observe::{Listener, outbox::Outbox},
    record::{budgeting_method::trials, recorder::View},
    sync::Mutex,
    types::{BurnRate, Objective},
};

/// Alerts on an [`ErrorBudget`]: several pairs of windows with burn rates, each pending, firing or resolved. A
/// cheap handle to a state that all its clones share.
///
/// Nothing runs by itself: the state is brought up to date by [`evaluate`](Self::evaluate), which a task of
/// yours calls about once a slot, or is: [`run`](Self::run).
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
#[derive(Clone)]
pub struct Alerts(Arc<Shared>);

struct Shared {
    budget: ErrorBudget,
    rules: Rules,
    /// Taken by who evaluates or asks, on the path of no request.
    inside: Mutex<Inside>,
    outbox: Arc<Outbox<AlertEvent>>,
    watched: watch::Sender<AlertsSnapshot>,
}

#[derive(Debug)]
struct Inside {
    standings: [Standing; 4],
    latest: AlertsSnapshot,
}

impl Alerts {
    /// Alerts on `budget` with the defaults. A default rule that the budget's objective and period make
    /// useless (see [`AlertsBuilder::build`], which refuses it) is left out.
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

    /// The configuration, to be completed by [`AlertsBuilder::build`].
    pub const fn builder() -> AlertsBuilder {
        AlertsBuilder::new()
    }

    pub(crate) fn of(budget: ErrorBudget, rules: &Rules) -> Self {
        let nothing_yet = rules.list.map(|rule| {
            rule.map(|rule| Alert {
                rule,
                state: AlertState::Inactive,
                is_inhibited: false,
                lasted: 0,
                long: None,
                short: None,
            })
        });
        let latest = AlertsSnapshot {
            alerts: nothing_yet,
        };
        let (outbox, watched) = (Outbox::new(), watch::Sender::new(latest));
        // As the first listener, so that whoever watches sees changes in order, and is woken with no lock held.
        let sender = watched.clone();
        let tell = move |event: &AlertEvent| {
            sender.send_replace(event.all);
        };
        outbox.listen(tell).detach();
        Self(Arc::new(Shared {
            budget,
            rules: *rules,
            inside: Mutex::new(Inside {
                standings: [Standing::NEW; 4],
                latest,
            }),
            outbox,
            watched,
        }))
    }

    /// The budget that they look at.
    #[must_use]
    pub fn budget(&self) -> &ErrorBudget {
        &self.0.budget
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Looks at the windows now, brings all alerts up to date, and tells of what has changed.
    ///
    /// Costs a lock and two subtractions a rule. More often than once a slot of the resolution it is of little use.
    #[expect(clippy::must_use_candidate, reason = "called for what it tells, too")]
    pub fn evaluate(&self) -> AlertsSnapshot {
        self.evaluate_at(Instant::now())
    }

    /// As [`evaluate`](Self::evaluate), at `now`; an instant before the latest that was seen counts as that.
    #[expect(clippy::must_use_candidate, reason = "called for what it tells, too")]
    pub fn evaluate_at(&self, now: Instant) -> AlertsSnapshot {
        let Shared {
            budget,
            rules,
            outbox,
            ..
        } = &*self.0;
        let mut inside = self.0.inside.lock();
        let view = budget.core().view(now);
        let all = rules.step(budget.objective(), &mut inside.standings, &view);
        drop(view);
        let before = std::mem::replace(&mut inside.latest, all).alerts;
        for (index, (was, is)) in before.into_iter().zip(all.alerts).enumerate() {
            let (Some(was), Some(alert)) = (was, is) else {
                continue;
            };
            if (was.state, was.is_inhibited) != (alert.state, alert.is_inhibited) {
                // Under the lock, so that events are in the order of the changes.
                outbox.put(AlertEvent {
                    name: budget.name(),
                    index,
                    alert,
                    all,
                    at: now,
                });
            }
        }
        drop(inside);
        outbox.deliver();
        all
    }

    /// Evaluates about once a slot of the budget's resolution, for ever: to be spawned, or selected over.
    ///
    /// # Cancel safety
    ///
    /// Dropping it stops it, and no more; it can be run again.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime whose timer is enabled.
    pub async fn run(&self) -> Infallible {
        let slot = Duration::from_nanos(self.0.budget.core().settings().resolution);
        let mut slots = interval(slot);
        slots.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            slots.tick().await;
            self.evaluate();
        }
    }

    /// What they were at when they were last evaluated.
    #[must_use]
    pub fn snapshot(&self) -> AlertsSnapshot {
        self.0.inside.lock().latest
    }

    /// Follows what they are at: all of them, as they were at the latest change of one.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<AlertsSnapshot> {
        self.0.watched.subscribe()
    }

    /// Calls `f` with every change of an alert from now on, in order.
    ///
    /// An alert that begins or ceases to be inhibited has changed too; [`Alert::is_active`] says whether
    /// somebody should know of it. `f` is called after the change, with no lock held, by who evaluates; a slow
    /// one delays only that one, and one that panics nobody. Let it not own the alerts that it listens to, or
    /// neither is ever dropped.
    pub fn on_event(&self, f: impl Fn(&AlertEvent) + Send + Sync + 'static) -> Listener {
        self.0.outbox.listen(f)
    }
}

impl Rules {
    fn step(
        &self,
        objective: Objective,
        standings: &mut [Standing; 4],
        view: &View<'_>,
    ) -> AlertsSnapshot {
        let tick = view.tick();
        let mut alerts = [None; 4];
        for ((alert, rule), standing) in alerts.iter_mut().zip(&self.list).zip(standings) {
            let Some(rule) = rule else { continue };
            let burn = |window| objective.burn_rate(view.window(window));
            let (long, short) = (burn(rule.long), burn(rule.short));
            let burns = self.burns(rule, long, short);
            *standing = standing.step(burns, tick, rule.pending_for, rule.keep_firing_for);
            *alert = Some(Alert {
                rule: *rule,
                state: standing.state,
                is_inhibited: false,
                lasted: tick.saturating_sub(standing.since),
                long,
                short,
            });
        }
        let firing = |alert: &&Alert| alert.state == AlertState::Firing;
        let gravest = (alerts.iter().flatten())
            .filter(firing)
            .map(Alert::severity)
            .max();
        for alert in alerts.iter_mut().flatten() {
            // Only what would be heard of can be inhibited.
            alert.is_inhibited =
                self.inhibition && firing(&&*alert) && Some(alert.severity()) < gravest;
        }
        AlertsSnapshot { alerts }
    }

    pub(crate) const fn min_bad_of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Page => self.min_bad_to_page,
            Severity::Ticket => self.min_bad,
        }
    }

    /// Whether both windows burn, and not by chance; `None` where that is not known, and holds.
    fn burns(&self, rule: &Rule, long: Option<BurnRate>, short: Option<BurnRate>) -> Option<bool> {
        let min_bad = self.min_bad_of(rule.severity);
        // A window that does not burn decides, whatever is not known of the other.
        if [long, short]
            .into_iter()
            .flatten()
            .any(|burn| burn <= rule.factor)
        {
            return Some(false);
        }
        let (Some(long), Some(_)) = (long, short) else {
            return match self.without_data {
                WithoutData::Hold => None,
                WithoutData::Healthy => Some(false),
                WithoutData::Breach => Some(true),
            };
        };
        let counts = long.counts();
        let trials = trials(self.slices, counts);
        Some(trials.bad() >= min_bad && is_unlikely(long.objective(), trials, self.evidence))
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
