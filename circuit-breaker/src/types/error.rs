use std::{error::Error, fmt};

/// What [`Builder::build`](crate::Builder::build) refuses, and what to do about it.
///
/// The message begins with the name of the circuit breaker or the family, where it is known. That of a number says what
/// was found.
///
/// # Examples
///
/// ```
/// use maestro_circuit_breaker::{CircuitBreaker, InvalidConfigKind};
///
/// let refused = CircuitBreaker::builder().minimum_calls(0).build("db").unwrap_err();
/// assert_eq!((refused.name(), refused.kind()), (Some("db"), InvalidConfigKind::MinimumCalls(0)));
/// assert!(refused.to_string().starts_with("circuit breaker `db`: the minimum of calls must be"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidConfig {
    /// `None` where nothing is built, as by `check` and in a file, and where it is empty.
    name: Option<&'static str>,
    kind: InvalidConfigKind,
}

/// What an [`InvalidConfig`] is about: the number that cannot work, with the value found if it is a single one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidConfigKind {
    /// A failure ratio that is not a share of the calls.
    FailureRatio(f64),
    /// No failures, or more than the window can hold or is sure to count exactly.
    FailureCount(u32),
    /// A slow ratio that is not a share of the calls.
    SlowRatio(f64),
    /// Every call would be slow; or slow calls matter, but nothing is slow.
    SlowAfter,
    /// Zero failures in a row, or more than can be counted.
    ConsecutiveFailures(u32),
    /// A time of zero after which failures in a row are forgotten, or none that are counted.
    ForgetFailuresAfter,
    /// A window without length, or of more calls than can be kept.
    Window,
    /// A minimum of no calls, or of more than the window can hold or is sure to count exactly.
    MinimumCalls(u32),
    /// No wait in open, a cap below it, a multiplier by which it does not grow, or a jitter that is
    /// not a share of it.
    WaitInOpen,
    /// No probes, or more than there is room for.
    Probes,
    /// A deadline that no probe can meet.
    ProbeDeadline,
    /// A family without members.
    Capacity,
    /// A limit of open members that is no percentage, or lets none open.
    OpenLimit(u8),
    /// A ramp without time, without shares, or with shares that do not rise.
    Ramp,
    /// An empty name: messages and metrics would name nothing.
    EmptyName,
}

// === impl InvalidConfig ===

impl InvalidConfig {
    /// The name of the circuit breaker or the family that could not be built or reconfigured. `None` where it is not
    /// known, as in [`Builder::check`](crate::Builder::check) and in a file, and where it is empty.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// What could not work, for a program. People read the message.
    #[must_use]
    pub const fn kind(&self) -> InvalidConfigKind {
        self.kind
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(f, "circuit breaker `{name}`: ")?;
        }
        self.kind.fmt(f)
    }
}

impl Error for InvalidConfig {}

// === impl InvalidConfigKind ===

impl InvalidConfigKind {
    /// The error about the breaker or the family of this name.
    pub(crate) const fn of(self, name: &'static str) -> InvalidConfig {
        InvalidConfig {
            name: if name.is_empty() { None } else { Some(name) },
            kind: self,
        }
    }

    /// The error about numbers that have no name yet.
    pub(crate) const fn unnamed(self) -> InvalidConfig {
        InvalidConfig {
            name: None,
            kind: self,
        }
    }

    // Const, so that a bad value in a `static` fails to compile with this very sentence.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::FailureRatio(_) => {
                "the failure ratio must be a share from 0.000000001 to 1.0: 0.5 opens the circuit when half of the calls failed"
            }
            Self::FailureCount(_) => {
                "the failures in the window that open the circuit must be from 1 to 500,000, and no more than the window can hold"
            }
            Self::SlowRatio(_) => {
                "the slow ratio must be a share from 0.000000001 to 1.0: 0.5 opens the circuit when half of the calls were slow"
            }
            Self::SlowAfter => {
                "`slow_after` must say from when on a call is slow, longer than zero: `slow_ratio` and `OnCancel::FailureIfSlow` need it"
            }
            Self::ConsecutiveFailures(_) => {
                "the consecutive failures that open the circuit must be from 1 to 536,870,911"
            }
            Self::ForgetFailuresAfter => {
                "`forget_failures_after` must be longer than zero, and needs `consecutive_failures`, which it forgets"
            }
            Self::Window => "the window must be longer than zero, or hold from 1 to 1,024 calls",
            Self::MinimumCalls(_) => {
                "the minimum of calls must be from 1 to 500,000, and no more than the window can hold"
            }
            Self::WaitInOpen => {
                "the wait in open must be longer than zero, its cap no shorter, its multiplier above 1.0 and up to 1,000, its jitter a share up to 1.0"
            }
            Self::Probes => {
                "the probes of a half-open circuit must be from 1 to 4,095 results, no fewer than have to succeed, and from 1 to 16 in flight"
            }
            Self::ProbeDeadline => {
                "the deadline of a probe must be longer than zero: every probe would fail"
            }
            Self::Capacity => {
                "the capacity of a family must be at least 1: it is the number of keys with a separate circuit breaker"
            }
            Self::OpenLimit(_) => {
                "the limit of open members must be from 1 to 100 percent: a family without a limit has no such number"
            }
            Self::EmptyName => {
                "the name is empty: messages and metrics would name nothing; choose one"
            }
            Self::Ramp => {
                "the steps of a ramp must be longer than zero, their shares one to eight, rising, from 1 to 99 percent"
            }
        }
    }
}

impl fmt::Display for InvalidConfigKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        match self {
            Self::FailureRatio(found) | Self::SlowRatio(found) => write!(f, " (found {found})"),
            Self::FailureCount(found)
            | Self::ConsecutiveFailures(found)
            | Self::MinimumCalls(found) => {
                write!(f, " (found {found})")
            }
            Self::OpenLimit(found) => write!(f, " (found {found})"),
            _ => Ok(()),
        }
    }
}
