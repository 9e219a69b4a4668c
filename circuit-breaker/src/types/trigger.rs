use crate::{Cause, State, outbox::Change};

/// What brought a transition about, in a word: for the label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// Too large a share of the calls in the window failed: it opened, or would have where it only measures.
    FailureRatio,
    /// Too large a share of the calls in the window were slow.
    SlowRatio,
    /// Too many calls failed in a row.
    ConsecutiveFailures,
    /// Too many probes failed.
    ProbesFailed,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// The wait in open was over.
    WaitOver,
    /// The ramp was over.
    RampOver,
    /// Somebody said so.
    Operator,
    /// What somebody had said ended by itself.
    OverrideOver,
    /// A reset.
    Reset,
}

impl Trigger {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "of counters"))]
    pub(crate) const ALL: [Self; 10] = [
        Self::FailureRatio,
        Self::SlowRatio,
        Self::ConsecutiveFailures,
        Self::ProbesFailed,
        Self::ProbesSucceeded,
        Self::WaitOver,
        Self::RampOver,
        Self::Operator,
        Self::OverrideOver,
        Self::Reset,
    ];

    /// As it stands in metrics and events: `failure_ratio`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRatio => "failure_ratio",
            Self::SlowRatio => "slow_ratio",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::ProbesFailed => "probes_failed",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::WaitOver => "wait_over",
            Self::RampOver => "ramp_over",
            Self::Operator => "operator",
            Self::OverrideOver => "override_over",
            Self::Reset => "reset",
        }
    }
}

impl Change {
    pub(crate) const fn trigger(&self) -> Trigger {
        match (self.cause, self.from, self.to) {
            (Some(Cause::FailureRatio { .. }), ..) => Trigger::FailureRatio,
            (Some(Cause::SlowRatio { .. }), ..) => Trigger::SlowRatio,
            (Some(Cause::ConsecutiveFailures { .. }), ..) => Trigger::ConsecutiveFailures,
            (Some(Cause::Probes { .. }), ..) => Trigger::ProbesFailed,
            _ if self.by.is_some() => Trigger::Operator,
            // A reset leaves an operator's state alone.
            (_, State::ForcedOpen | State::Disabled | State::MetricsOnly, State::Closed) => {
                Trigger::OverrideOver
            }
            _ if self.is_reset => Trigger::Reset,
            (_, State::Open, _) => Trigger::WaitOver,
            (_, State::Ramping, _) => Trigger::RampOver,
            _ => Trigger::ProbesSucceeded,
        }
    }
}
