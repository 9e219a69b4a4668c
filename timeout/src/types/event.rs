use std::{fmt, sync::Arc, time::Duration};

use super::{DarkChange, Elapsed, Override, rounded::Rounded};

/// A change of the limit of a timeout, or a rejection by a deadline filter, as their
/// [listeners](crate::Timeout::on_event) receive it. Its `Display` is a line for a log. With the feature `serde` it is
/// serialized as the fields of its value and the field `event`: `elapsed`, `limit_changed` or `dark_changed`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "event", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Event {
    /// A [`DeadlineFilter`](crate::DeadlineFilter) rejected a request.
    Elapsed(Elapsed),
    /// The limit in effect changed.
    LimitChanged(LimitChange),
    /// An operator put a [`DeadlineFilter`](crate::DeadlineFilter) into dark mode, or ended that.
    DarkChanged(DarkChange),
}

/// A change of the limit in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitChange {
    key: Option<Arc<str>>,
    from: Duration,
    to: Duration,
    cause: LimitCause,
    by: Option<Override>,
}

/// Why the limit in effect changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitCause {
    /// [`set_limit`](crate::Timeout::set_limit) or [`reconfigure`](crate::Timeout::reconfigure).
    Configured,
    /// An operator [forced](crate::Timeout::force_limit) a limit.
    Forced,
    /// An operator [resumed](crate::Timeout::resume) the configured limit.
    Resumed,
    /// The time of an override ended.
    OverrideOver,
}

impl LimitChange {
    pub(crate) const fn new(
        from: Duration,
        to: Duration,
        cause: LimitCause,
        by: Option<Override>,
    ) -> Self {
        Self {
            key: None,
            from,
            to,
            cause,
            by,
        }
    }

    pub(crate) fn by_member(self, key: Option<Arc<str>>) -> Self {
        Self { key, ..self }
    }

    /// The key of the member of a family, if the family shows its keys (`Timeouts::show_keys`, feature `family`); else
    /// `None`.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.key.clone()
    }

    /// The limit before; [`Duration::MAX`] is no limit.
    #[must_use]
    pub const fn from(&self) -> Duration {
        self.from
    }

    /// The limit from now on; [`Duration::MAX`] is no limit.
    #[must_use]
    pub const fn to(&self) -> Duration {
        self.to
    }

    /// Why it changed.
    #[must_use]
    pub const fn cause(&self) -> LimitCause {
        self.cause
    }

    /// The decision of the operator who forced or resumed; the override that ended; `None` for a configuration.
    #[must_use]
    pub const fn by(&self) -> Option<&Override> {
        self.by.as_ref()
    }
}

impl LimitCause {
    /// The name in events: `configured`, `forced`, `resumed` or `override_over`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Forced => "forced",
            Self::Resumed => "resumed",
            Self::OverrideOver => "override_over",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed(elapsed) => elapsed.fmt(f),
            Self::LimitChanged(change) => change.fmt(f),
            Self::DarkChanged(change) => change.fmt(f),
        }
    }
}

impl fmt::Display for LimitChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |limit| Limit(limit);
        write!(f, "limit {} to {}", limit(self.from), limit(self.to))?;
        let cause = match self.cause {
            LimitCause::Configured => "configured",
            LimitCause::Forced => "forced",
            LimitCause::Resumed => "resumed",
            LimitCause::OverrideOver => "at the end of the override",
        };
        write!(f, ", {cause}")?;
        match &self.by {
            Some(by) => write!(f, " {by}"),
            None => Ok(()),
        }
    }
}

struct Limit(Duration);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::MAX {
            f.write_str("unlimited")
        } else {
            Rounded(self.0).fmt(f)
        }
    }
}
