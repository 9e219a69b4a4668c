//! Feature `tracing`: events. Without it nothing here does anything.

#[cfg(feature = "tracing")]
mod on {
    use tracing::Level;

    use crate::{
        gate::{Change, Reason, Spent, Transition},
        types::Override,
    };

    /// At debug level, since there may be one for each request.
    pub(in crate::gate) fn refused(spent: &Spent) {
        let is_forced = spent.reasons().contains(Reason::Forced);
        tracing::debug!(
            target: "maestro_slo_budget",
            kind = "gate",
            name = spent.name(),
            key = spent.key().as_deref(),
            cause = if is_forced { "forced" } else { "policy" },
            reasons = %spent.reasons(),
            retry_after = ?spent.retry_after(),
            "refused"
        );
    }

    /// As a warning where the policy begins to refuse, else as information.
    pub(in crate::gate) fn changed(transition: &Transition) {
        let change = transition.change();
        let (reasons, by) = match change {
            Change::Decided(reasons) => (Some(*reasons).filter(|set| !set.is_empty()), None),
            Change::Paused(_) => (None, None),
            Change::Forced(by) | Change::Resumed { by, .. } | Change::OverrideOver(by) => {
                (None, Some(by))
            }
        };
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "maestro_slo_budget",
                    $level,
                    kind = "gate",
                    name = transition.name(),
                    key = transition.key().as_deref(),
                    cause = change.as_str(),
                    is_open = transition.is_open(),
                    reasons = reasons.map(tracing::field::display),
                    actor = by.map(Override::actor),
                    reason = by.map(Override::reason),
                    "transition"
                )
            };
        }
        if reasons.is_some() {
            event!(Level::WARN);
        } else {
            event!(Level::INFO);
        }
    }
}

#[cfg(feature = "tracing")]
pub(super) use on::{changed, refused};

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) const fn refused(_: &super::Spent) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) const fn changed(_: &super::Transition) {}
