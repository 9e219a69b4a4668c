use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    alerts::{AlertState, Severity, rule::CheckedRule},
    types::{BurnRate, Factor, duration::Spoken, few::Few, subject::Subject},
};

/// One alert, as of the last evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    pub(super) rule: CheckedRule,
    pub(super) state: AlertState,
    pub(super) is_inhibited: bool,
    /// How long it has been in its state, in ticks.
    pub(super) lasted: u64,
    pub(super) long: Option<BurnRate>,
    pub(super) short: Option<BurnRate>,
}

/// All alerts of a budget at one moment. Made by [`Alerts`](crate::Alerts).
#[derive(Clone, Copy, Debug)]
pub struct AlertsSnapshot {
    pub(super) alerts: Few<Alert>,
}

/// A change of an alert, as passed to [listeners](crate::Alerts::on_event).
///
/// Its `Display` is a line with the budget, the alert and its burn rates.
#[derive(Clone, Copy, Debug)]
pub struct AlertEvent {
    pub(super) subject: Subject,
    pub(super) index: usize,
    pub(super) alert: Alert,
    pub(super) all: AlertsSnapshot,
    pub(super) at: Instant,
}

// === impl Alert ===

impl Alert {
    /// How urgent it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> AlertState {
        self.state
    }

    /// Whether it is muted because an alert of higher severity fires.
    #[must_use]
    pub const fn is_inhibited(&self) -> bool {
        self.is_inhibited
    }

    /// Whether a person should know of it: it fires, and is not inhibited.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == AlertState::Firing && !self.is_inhibited
    }

    /// How long it has been in its state.
    #[must_use]
    pub const fn lasted(&self) -> Duration {
        Duration::from_nanos(self.lasted)
    }

    /// The burn rate above which both of its windows must be.
    #[must_use]
    pub const fn factor(&self) -> Factor {
        self.rule.windows.factor
    }

    /// The long window and its burn rate, which is `None` if nothing was counted.
    #[must_use]
    pub const fn long(&self) -> (Duration, Option<BurnRate>) {
        (Duration::from_nanos(self.rule.windows.long), self.long)
    }

    /// The short window and its burn rate, which is `None` if nothing was counted.
    #[must_use]
    pub const fn short(&self) -> (Duration, Option<BurnRate>) {
        (Duration::from_nanos(self.rule.windows.short), self.short)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.rule.severity.as_str();
        let inhibited = if self.is_inhibited {
            " (inhibited)"
        } else {
            ""
        };
        write!(f, "{severity} {}{inhibited}: ", self.state)?;
        for (window, burn) in [self.long(), self.short()] {
            match burn {
                Some(burn) => write!(f, "burn rate {burn} over {}, ", Spoken(window))?,
                None => write!(f, "no data over {}, ", Spoken(window))?,
            }
        }
        write!(f, "the line is {:.2}", self.rule.windows.factor.as_f64())
    }
}

// === impl AlertsSnapshot ===

impl AlertsSnapshot {
    /// All alerts, in the order of [`AlertsBuilder::rules`](crate::AlertsBuilder::rules).
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().flatten()
    }

    /// The alerts that a person should know of.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.iter().filter(|alert| alert.is_active())
    }
}

// === impl AlertEvent ===

impl AlertEvent {
    /// The name of the error budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.subject.name()
    }

    /// The key of a member of a family that [shows its keys](crate::ErrorBudgets::show_keys).
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.subject.key()
    }

    /// The index of the alert, from 0, in the order of [`AlertsBuilder::rules`](crate::AlertsBuilder::rules).
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The alert after the change.
    #[must_use]
    pub const fn alert(&self) -> &Alert {
        &self.alert
    }

    /// All alerts after the change.
    #[must_use]
    pub const fn all(&self) -> &AlertsSnapshot {
        &self.all
    }

    /// When it was evaluated.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for AlertEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.alert)
    }
}
