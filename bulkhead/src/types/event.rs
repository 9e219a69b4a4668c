use super::{Full, Override};

/// What happened to a bulkhead. Given to the listeners of [`on_event`](crate::Bulkhead::on_event).
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
    /// A forced limit ended, and the usual one is in force.
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
    Set,
    /// The law of an adaptive limit.
    Law,
}

impl LimitCause {
    /// The name of the cause as a label: `set`, `law`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Law => "law",
        }
    }
}
