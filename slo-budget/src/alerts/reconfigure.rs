//! Other rules while alerts are in use: what goes on under them, and what ends.

use tokio::time::Instant;

use crate::{
    alerts::{Alert, AlertEvent, AlertState, Alerts, AlertsBuilder, Inside, state::Status},
    types::{InvalidConfig, Object},
};

impl Alerts {
    /// Changes the configuration while the alerts are in use. All handles see it, and the next evaluation follows it.
    ///
    /// An alert whose severity and two windows are also those of a new rule keeps its state, at the index of that rule.
    /// Other rules start inactive. An alert that is pending or firing and has no such rule ends: it is inactive or
    /// resolved, and listeners are told, with its former index. [`watch`](Self::watch) shows other rules with the next
    /// change of an alert.
    ///
    /// # Errors
    ///
    /// As [`AlertsBuilder::build`] on the budget as it is configured now. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{Alerts, ErrorBudget, Event, Objective};
    ///
    /// let budget = ErrorBudget::new("api", Objective::new(999, 1000).unwrap());
    /// let alerts = Alerts::new(budget.clone());
    /// (0..3).for_each(|_| budget.record(Event::Bad));
    /// alerts.reconfigure(Alerts::builder().min_bad_to_page(4).min_bad(4))?;
    /// assert_eq!(alerts.evaluate().active().count(), 0);
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    #[expect(
        clippy::large_types_passed_by_value,
        reason = "as `build` takes it, and seldom called"
    )]
    pub fn reconfigure(&self, to: AlertsBuilder) -> Result<(), InvalidConfig> {
        self.reconfigure_at(to, Instant::now())
    }

    /// As [`reconfigure`](Self::reconfigure), at `now`, which events of alerts that end have.
    ///
    /// # Errors
    ///
    /// As [`reconfigure`](Self::reconfigure).
    #[expect(
        clippy::large_types_passed_by_value,
        reason = "as `build` takes it, and seldom called"
    )]
    pub fn reconfigure_at(&self, to: AlertsBuilder, now: Instant) -> Result<(), InvalidConfig> {
        let budget = &self.0.budget;
        let mut inside = self.0.inside.lock();
        // Under the lock, so that no evaluation follows newer settings meanwhile.
        let configured = to.configured(budget.core().settings());
        let configured = configured.map_err(|kind| kind.of(Object::Alerts, budget.name()))?;
        let former = std::mem::replace(&mut inside.latest, configured.rules.initial()).alerts;
        let statuses = std::mem::replace(&mut inside.statuses, [Status::NEW; 4]);
        inside.configured = configured;
        let ended: Vec<_> = (0..)
            .zip(former)
            .zip(statuses)
            .filter_map(|((index, alert), status)| Some((index, inside.keep(alert?, status)?)))
            .collect();
        for (index, alert) in ended {
            self.0.listeners.put(AlertEvent {
                subject: budget.core().subject(),
                index,
                alert,
                all: inside.latest,
                at: now,
            });
        }
        drop(inside);
        self.0.listeners.deliver();
        Ok(())
    }
}

impl Inside {
    /// Keeps the state of `former` under a rule like its own that no other alert has. Without one it ends; it is returned
    /// then if it did not rest.
    fn keep(&mut self, former: Alert, status: Status) -> Option<Alert> {
        let rules = self.latest.alerts.iter_mut().zip(&mut self.statuses);
        for (alert, kept) in rules {
            let is_like = |alert: &&mut Alert| alert.rule.is_like(&former.rule);
            if let Some(alert) = alert.as_mut().filter(is_like) {
                if *kept == Status::NEW {
                    *kept = status;
                    *alert = Alert {
                        rule: alert.rule,
                        ..former
                    };
                    return None;
                }
            }
        }
        let state = match former.state {
            AlertState::Pending => AlertState::Inactive,
            AlertState::Firing => AlertState::Resolved,
            AlertState::Inactive | AlertState::Resolved => return None,
        };
        Some(Alert {
            state,
            is_inhibited: false,
            lasted: 0,
            ..former
        })
    }
}
