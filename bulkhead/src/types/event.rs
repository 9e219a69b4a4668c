use std::{fmt, sync::Arc};

use super::{Full, Override};

/// What happened to a bulkhead, as its [listeners](crate::Bulkhead::on_event) receive it. Its `Display` is a line for a log.
/// With the feature `serde` it can be serialized, with the fields of a tracing event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A call was refused. Where the bulkhead [only counts](crate::Builder::metrics_only), no call is.
    Rejected(Full),
    /// The limit in force changed.
    LimitChanged(LimitChange),
    /// The bulkhead was [closed](crate::Bulkhead::close).
    Closed,
    /// The last call has left a closed bulkhead. Happens once.
    Drained,
}

/// A change of the limit in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitChange {
    key: Option<Arc<str>>,
    from: usize,
    to: usize,
    cause: LimitCause,
    by: Option<Override>,
}

/// Why the limit in force changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitCause {
    /// [`set_limit`](crate::Bulkhead::set_limit) or [`reconfigure`](crate::Bulkhead::reconfigure).
    Configured,
    /// The law of an adaptive limit.
    Law,
    /// An operator [forced](crate::Bulkhead::force_limit) a limit.
    Forced,
    /// An operator [resumed](crate::Bulkhead::resume) the configured limit.
    Resumed,
    /// The time of an override ended.
    OverrideOver,
}

impl LimitChange {
    pub(crate) const fn new(
        from: usize,
        to: usize,
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

    /// The key of the member of a family, if the family shows its keys (`Bulkheads::show_keys`, feature `family`); else
    /// `None`.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.key.clone()
    }

    /// The limit before; `usize::MAX` is no limit.
    #[must_use]
    pub const fn from(&self) -> usize {
        self.from
    }

    /// The limit from now on; `usize::MAX` is no limit.
    #[must_use]
    pub const fn to(&self) -> usize {
        self.to
    }

    /// Why it changed.
    #[must_use]
    pub const fn cause(&self) -> LimitCause {
        self.cause
    }

    /// The decision of the operator who forced or resumed; the override that ended; `None` for a configuration or a law.
    #[must_use]
    pub const fn by(&self) -> Option<&Override> {
        self.by.as_ref()
    }
}

impl LimitCause {
    /// The name in events: `configured`, `law`, `forced`, `resumed` or `override_over`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Law => "law",
            Self::Forced => "forced",
            Self::Resumed => "resumed",
            Self::OverrideOver => "override_over",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(full) => full.fmt(f),
            Self::LimitChanged(change) => change.fmt(f),
            Self::Closed => f.write_str("closed"),
            Self::Drained => f.write_str("drained"),
        }
    }
}

impl fmt::Display for LimitChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {} to {}", Limit(self.from), Limit(self.to))?;
        let cause = match self.cause {
            LimitCause::OverrideOver => "at the end of the override",
            cause => cause.as_str(),
        };
        write!(f, ", {cause}")?;
        match &self.by {
            Some(by) => write!(f, " {by}"),
            None => Ok(()),
        }
    }
}

struct Limit(usize);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            usize::MAX => f.write_str("unlimited"),
            limit => limit.fmt(f),
        }
    }
}
