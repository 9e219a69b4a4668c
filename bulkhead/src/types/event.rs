use std::fmt;

use super::{Full, Override};

/// What happened to a bulkhead, as its [listeners](crate::Bulkhead::on_event) receive it. Its `Display` is a line for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A call was refused. Where the bulkhead [only counts](crate::Builder::metrics_only), no call is.
    Rejected(Full),
    /// The limit changed. `usize::MAX` stands for none.
    #[non_exhaustive]
    LimitChanged {
        /// The limit before.
        from: usize,
        /// The limit now.
        to: usize,
        /// What changed it.
        cause: LimitCause,
    },
    /// An operator [forced](crate::Bulkhead::force_limit) a limit.
    #[non_exhaustive]
    Forced {
        /// The limit before.
        from: usize,
        /// The limit now.
        to: usize,
        /// The decision.
        by: Override,
    },
    /// A forced limit ended, and the configured one is in force.
    #[non_exhaustive]
    Resumed {
        /// The forced limit.
        from: usize,
        /// The limit now.
        to: usize,
        /// The decision to [resume](crate::Bulkhead::resume). `None` if the override had run out.
        by: Option<Override>,
    },
    /// The bulkhead was [closed](crate::Bulkhead::close).
    Closed,
    /// The last call has left a closed bulkhead. Happens once.
    Drained,
}

/// What changed a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitCause {
    /// A call of [`set_limit`](crate::Bulkhead::set_limit) or [`reconfigure`](crate::Bulkhead::reconfigure).
    Configured,
    /// The law of an adaptive limit.
    Law,
}

impl LimitCause {
    /// The name of the cause as a label: `configured`, `law`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Law => "law",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(full) => full.fmt(f),
            Self::LimitChanged { from, to, cause } => {
                write!(f, "{}, {}", Change(*from, *to), cause.as_str())
            }
            Self::Forced { from, to, by } => write!(f, "{}, forced {by}", Change(*from, *to)),
            Self::Resumed { from, to, by } => match by {
                Some(by) => write!(f, "{}, resumed {by}", Change(*from, *to)),
                None => write!(f, "{}, at the end of the override", Change(*from, *to)),
            },
            Self::Closed => f.write_str("closed"),
            Self::Drained => f.write_str("drained"),
        }
    }
}

/// The limit before and after.
struct Change(usize, usize);

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {} to {}", Limit(self.0), Limit(self.1))
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
