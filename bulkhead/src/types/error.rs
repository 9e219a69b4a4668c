use std::{error::Error, fmt, time::Duration};

/// A configuration that [`Builder::build`](crate::Builder::build) refuses. The message says what to change, and
/// of a number what was found. It begins with the name of the bulkhead or the family, where it is known.
///
/// # Examples
///
/// ```
/// use maestro_bulkhead::{Bulkhead, InvalidConfigKind};
///
/// let refused = Bulkhead::builder().limit(0).build("db").unwrap_err();
/// assert_eq!((refused.name(), refused.kind()), (Some("db"), InvalidConfigKind::ZeroLimit));
/// assert!(refused.to_string().starts_with("bulkhead `db`: `limit` of a bulkhead must be at least 1"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidConfig {
    /// `None` where nothing is built, as by `check` and in a file, and where it is empty.
    name: Option<&'static str>,
    kind: InvalidConfigKind,
}

/// What an [`InvalidConfig`] is about: the number that is not legal, with the value found where it is one of many.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidConfigKind {
    /// The limit is 0: it would refuse every call.
    ZeroLimit,
    /// The time after which refused callers may try again is 0 or above 255 seconds.
    RetryAfter(Duration),
    /// The time for which a body may stay unread is 0.
    BodyIdle,
    /// The capacity of a family is 0: every key would share the overflow.
    Capacity,
    /// The floor of an adaptive limit is 0 or above its ceiling.
    #[non_exhaustive]
    LimitRange {
        /// The floor.
        min: usize,
        /// The ceiling.
        max: usize,
    },
    /// The backoff is below 0.5, or not below 1.0: the limit would not fall, or fall too far at once.
    Backoff(f64),
    /// The step is 0: the limit would never rise again.
    Step,
    /// The tolerance is below 1.1, or not finite.
    Tolerance(f64),
    /// The memory is below ten seconds: it has ten parts, and a part is no shorter than a window.
    Memory(Duration),
    /// The tolerated share of overloads is not from 0.0 to below 1.0.
    Tolerate(f64),
    /// The name is empty: messages and metrics would name nothing.
    EmptyName,
}

// === impl InvalidConfig ===

impl InvalidConfig {
    /// The name of the bulkhead or the family that could not be built or changed. `None` where it is not known, as in
    /// [`Builder::check`](crate::Builder::check) and in a file, and where it is empty.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// What is not legal, for a program. People read the message.
    #[must_use]
    pub const fn kind(&self) -> InvalidConfigKind {
        self.kind
    }

    /// The same about the bulkhead of this name.
    pub(crate) fn of(self, name: &'static str) -> Self {
        let name = (!name.is_empty()).then_some(name);
        Self { name, ..self }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(f, "bulkhead `{name}`: ")?;
        }
        self.kind.fmt(f)
    }
}

impl Error for InvalidConfig {}

/// Without a name, for the [`check`](crate::Limit::check) of a law of your own: the bulkhead adds its name.
impl From<InvalidConfigKind> for InvalidConfig {
    fn from(kind: InvalidConfigKind) -> Self {
        kind.unnamed()
    }
}

// === impl InvalidConfigKind ===

impl InvalidConfigKind {
    pub(crate) const fn unnamed(self) -> InvalidConfig {
        InvalidConfig {
            name: None,
            kind: self,
        }
    }

    // Const, so that a bad value in a `static` fails to compile with this sentence.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::ZeroLimit => {
                "`limit` of a bulkhead must be at least 1: with 0 it would refuse every call"
            }
            Self::RetryAfter(_) => {
                "`retry_after` of a bulkhead must be above 0 s and at most 255 s: refused callers come back after it"
            }
            Self::BodyIdle => {
                "`body_idle` of a bulkhead must be above 0 s: with 0 a body would lose its place at once; \"unlimited\" keeps it"
            }
            Self::Capacity => {
                "`capacity` of a family of bulkheads must be at least 1: with 0 all keys would share the overflow"
            }
            Self::LimitRange { .. } => {
                "`min` of an adaptive limit must be at least 1, and `max` not below it"
            }
            Self::Backoff(_) => {
                "`backoff` of an adaptive limit must be at least 0.5 and below 1.0: it is what is left of the limit"
            }
            Self::Step => {
                "`step` of an adaptive limit must be at least 1: with 0 the limit would never rise again"
            }
            Self::Tolerance(_) => {
                "`tolerance` of an adaptive limit must be at least 1.1 and finite: the limit rises by it while calls take no longer than they did"
            }
            Self::Memory(_) => {
                "`memory` of an adaptive limit must be at least 10 s: it has ten parts, and a part is no shorter than a window"
            }
            Self::EmptyName => {
                "the name is empty: messages and metrics would name nothing; choose one"
            }
            Self::Tolerate(_) => {
                "`tolerate` of an adaptive limit must be at least 0.0 and below 1.0: it is the share of overloads at which the limit still rises"
            }
        }
    }
}

impl fmt::Display for InvalidConfigKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        match self {
            Self::LimitRange { min, max } => write!(f, " (found {min} and {max})"),
            Self::Backoff(found) | Self::Tolerance(found) | Self::Tolerate(found) => {
                write!(f, " (found {found})")
            }
            Self::Memory(found) | Self::RetryAfter(found) => write!(f, " (found {found:?})"),
            Self::ZeroLimit | Self::Capacity | Self::BodyIdle | Self::Step | Self::EmptyName => {
                Ok(())
            }
        }
    }
}
