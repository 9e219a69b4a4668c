use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{
    alerts::{AlertState, Severity, rule::Rule},
    types::{BurnRate, Factor, duration::Spoken},
};

/// What one alert was at when it was last looked at.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    pub(crate) rule: Rule,
    pub(crate) state: AlertState,
    pub(crate) is_inhibited: bool,
    pub(crate) lasted: u64,
    pub(crate) long: Option<BurnRate>,
    pub(crate) short: Option<BurnRate>,
}

/// All alerts of a budget at one moment, made by [`Alerts`](crate::Alerts).
#[derive(Clone, Copy, Debug)]
pub struct AlertsSnapshot {
    pub(crate) alerts: [Option<Alert>; 4],
}

/// An alert changed, as [listeners](crate::Alerts::on_event) hear of it.
///
/// Its `Display` is a line that says what, where and how fast.
#[derive(Clone, Copy, Debug)]
pub struct AlertEvent {
    pub(crate) name: &'static str,
    pub(crate) index: usize,
    pub(crate) alert: Alert,
    pub(crate) all: AlertsSnapshot,
    pub(crate) at: Instant,
}

// === impl Alert ===

impl Alert {
    /// Whom it concerns.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// What it is at.
    #[must_use]
    pub const fn state(&self) -> AlertState {
        self.state
    }

    /// Whether one of greater severity fires, so that nobody needs to hear of this one as well.
    #[must_use]
    pub const fn is_inhibited(&self) -> bool {
        self.is_inhibited
    }

    /// Whether somebody should know: it fires, and is not inhibited.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == AlertState::Firing && !self.is_inhibited
    }

    /// For how long it had been in its state.
    #[must_use]
    pub const fn lasted(&self) -> Duration {
        Duration::from_nanos(self.lasted)
    }

    /// The burn rate above which both of its windows must be.
    #[must_use]
    pub const fn factor(&self) -> Factor {
        self.rule.factor
    }

    /// The long window, and how fast the budget burned in it: `None` when nothing was counted.
    #[must_use]
    pub const fn long(&self) -> (Duration, Option<BurnRate>) {
        (Duration::from_nanos(self.rule.long), self.long)
    }

    /// The short window, and how fast the budget burned in it: `None` when nothing was counted.
    #[must_use]
    pub const fn short(&self) -> (Duration, Option<BurnRate>) {
        (Duration::from_nanos(self.rule.short), self.short)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.rule.severity {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        };
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
        write!(f, "the line is {:.2}", self.rule.factor.as_f64())
    }
}

// === impl AlertsSnapshot ===

impl AlertsSnapshot {
    /// All of them, in the order of [`AlertsBuilder::rules`](crate::AlertsBuilder::rules).
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().flatten()
    }

    /// Those that somebody should know of.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.iter().filter(|alert| alert.is_active())
    }
}

// === impl AlertEvent ===

impl AlertEvent {
    /// The name of the error budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Which alert, from 0, in the order of [`AlertsBuilder::rules`](crate::AlertsBuilder::rules).
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// What it is at now.
    #[must_use]
    pub const fn alert(&self) -> &Alert {
        &self.alert
    }

    /// What all of them are at now.
    #[must_use]
    pub const fn all(&self) -> &AlertsSnapshot {
        &self.all
    }

    /// When it was looked at.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for AlertEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.name, self.alert)
    }
}
