//! The alerts at one moment: a pure function of the windows and of the last step.
//!
//! The condition has no hysteresis, so that Prometheus rules can express it too;
//! `keep_firing_for` does the rest. Near a factor of 1 the evidence decides, so an alert comes later than the
//! formula says: after 300 s of total outage and not after 259.2 s.
//!
//! The state of an inhibited alert continues to change. Listeners get an event when an alert starts or ceases to be
//! inhibited, so a listener that acts on `is_active` is right at any time, also when the page ends first.

use crate::{
    alerts::{
        Alert, AlertState, AlertsSnapshot, Severity, WithoutData, rule::CheckedRule, state::Status,
    },
    burn::{Significance, Warning},
    record::{Settings, recorder::View},
    types::{BurnRate, Objective, few::Few},
};

/// The checked configuration of the alerts on a budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) list: Few<CheckedRule>,
    pub(super) significance: Significance,
    pub(super) without_data: WithoutData,
    pub(super) inhibition: bool,
}

impl Rules {
    /// The alerts before the first step.
    pub(super) fn initial(&self) -> AlertsSnapshot {
        let alerts = self.list.map(|rule| {
            Some(Alert {
                rule: rule?,
                state: AlertState::Inactive,
                is_inhibited: false,
                lasted: 0,
                long: None,
                short: None,
            })
        });
        AlertsSnapshot { alerts }
    }

    /// Follows the period of a budget that was reconfigured.
    pub(super) fn follow(&mut self, settings: &Settings) {
        for rule in self.list.iter_mut().flatten() {
            rule.follow(settings);
        }
    }

    /// Moves each status on to the moment of `view`.
    pub(super) fn step(
        &self,
        objective: Objective,
        statuses: &mut [Status; 4],
        view: &View<'_>,
    ) -> AlertsSnapshot {
        let tick = view.tick();
        let mut alerts = [None; 4];
        for ((alert, rule), status) in alerts.iter_mut().zip(&self.list).zip(statuses) {
            let Some(rule) = rule else { continue };
            let burn = |window| objective.burn_rate(view.window(window));
            let (long, short) = (burn(rule.windows.long), burn(rule.windows.short));
            let burns = self.burns(rule, long, short);
            *status = status.step(burns, tick, rule.pending_for, rule.keep_firing_for);
            *alert = Some(Alert {
                rule: *rule,
                state: status.state,
                is_inhibited: false,
                lasted: tick.saturating_sub(status.since),
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
            // Only firing alerts are reported, so only they can be inhibited.
            alert.is_inhibited =
                self.inhibition && firing(&&*alert) && Some(alert.severity()) < gravest;
        }
        AlertsSnapshot { alerts }
    }

    /// Warnings about the rules.
    pub(super) fn warnings(&self, settings: &Settings) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (index, rule) in self.list.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let min_bad = self.min_bad(rule.severity);
            (rule.windows).warnings(index, settings, &self.significance, min_bad, &mut warnings);
        }
        warnings
    }

    const fn min_bad(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Page => self.significance.min_bad_to_page,
            Severity::Ticket => self.significance.min_bad,
        }
    }

    /// Whether both windows burn, and not by chance. `None` if it is unknown and the state stays.
    fn burns(
        &self,
        rule: &CheckedRule,
        long: Option<BurnRate>,
        short: Option<BurnRate>,
    ) -> Option<bool> {
        let min_bad = self.min_bad(rule.severity);
        let fires = rule.windows.fires(long, short, &self.significance, min_bad);
        fires.or(match self.without_data {
            WithoutData::Hold => None,
            WithoutData::Healthy => Some(false),
            WithoutData::Breach => Some(true),
        })
    }
}
