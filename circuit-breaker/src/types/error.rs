use std::{error::Error, fmt};

/// What [`Builder::build`](crate::Builder::build) refuses, and what to do about it. The message of a number says what
/// was found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidConfig {
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

impl InvalidConfig {
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

impl fmt::Display for InvalidConfig {
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

impl Error for InvalidConfig {}
