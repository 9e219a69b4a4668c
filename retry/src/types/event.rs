#[cfg(feature = "serde")]
mod serialize;

use std::{fmt, time::Duration};

use super::{override_by::Override, rounded::Rounded};

/// The decision after an attempt, or that of an operator, as a [listener](crate::RetryPolicy::on_event) receives it. Its
/// `Display` is a line for a log. With the feature `serde` it can be serialized, with the fields of a tracing event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The classifier returned [`Verdict::Done`](crate::Verdict::Done) or [`Ignored`](crate::Verdict::Ignored), which ends
    /// the call.
    Done {
        /// The number of attempts made.
        attempts: u32,
    },
    /// An attempt failed, and another one will be made.
    Retry {
        /// The number of the attempt that failed, from 1.
        attempt: u32,
        /// The wait before the next attempt.
        wait: Duration,
        /// The reason for the retry.
        reason: RetryReason,
    },
    /// An attempt failed, and its result is the answer.
    GaveUp {
        /// The number of attempts made.
        attempts: u32,
        /// The reason why no further attempt is made.
        reason: GiveUpReason,
    },
    /// An attempt reached the delay of its [hedge](crate::RetryLayer::hedge).
    Hedge {
        /// What became of the hedge.
        result: HedgeResult,
    },
    /// An operator turned retries and hedges [off](crate::RetryPolicy::force_off), or they are on again.
    Switched {
        /// What turned them off or on.
        cause: SwitchCause,
        /// The decision of the operator who forced or resumed, or the override that is over.
        by: Override,
    },
}

/// What turned the retries and hedges of a policy off or on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SwitchCause {
    /// An operator turned them [off](crate::RetryPolicy::force_off).
    Forced,
    /// An operator [resumed](crate::RetryPolicy::resume).
    Resumed,
    /// The time of an override ended.
    OverrideOver,
}

/// What became of the hedge of an attempt that reached its delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HedgeResult {
    /// It was sent, and its result was the answer, with the verdict [`Done`](crate::Verdict::Done).
    Won,
    /// It was sent. The other attempt answered first, or the hedge failed, or the caller cancelled the call.
    Lost,
    /// [`only_while`](crate::HedgeLayer::only_while) returned false.
    Off,
    /// The deadline or [`max_elapsed`](crate::Builder::max_elapsed) had passed.
    Time,
    /// The calls that succeeded before the delay had not paid for it.
    Credit,
    /// The service was not ready at once.
    NotReady,
    /// The budget did not grant it.
    Budget,
    /// An operator has turned hedges [off](crate::RetryPolicy::force_off).
    Forced,
}

/// The reason for a retry.
///
/// Metrics and traces call it `cause`, as `reason` there is that of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryReason {
    /// The verdict [`Retry`](crate::Verdict::Retry).
    Failure,
    /// The verdict [`RetryAfter`](crate::Verdict::RetryAfter): the server gave a hint.
    Hint,
    /// The verdict [`RetryCosting`](crate::Verdict::RetryCosting).
    Costing,
    /// A verdict with the backoff for [throttling](crate::Verdict::throttled), and without a hint.
    Throttled,
}

/// The reason why a failed call is not retried.
///
/// Metrics and traces call it `cause`, as `reason` there is that of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GiveUpReason {
    /// The verdict [`Never`](crate::Verdict::Never).
    Never,
    /// All [attempts](crate::Builder::attempts) were made.
    Attempts,
    /// The request cannot, or must not, be sent again.
    NotRepeatable,
    /// The server's hint was longer than [`max_hint`](crate::Builder::max_hint).
    Hint,
    /// Another attempt could not begin before the deadline or [`max_elapsed`](crate::Builder::max_elapsed).
    Time,
    /// The budget granted no retry.
    Budget,
    /// The service was not ready for the retry, or its readiness failed.
    NotReady,
    /// An operator has turned retries [off](crate::RetryPolicy::force_off).
    Forced,
}

impl RetryReason {
    /// The reason as metrics and traces write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Hint => "hint",
            Self::Costing => "costing",
            Self::Throttled => "throttled",
        }
    }
}

impl GiveUpReason {
    /// The reason as metrics and traces write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Attempts => "attempts",
            Self::NotRepeatable => "not_repeatable",
            Self::Hint => "hint",
            Self::Time => "time",
            Self::Budget => "budget",
            Self::NotReady => "not_ready",
            Self::Forced => "forced",
        }
    }
}

impl HedgeResult {
    /// The result as metrics and traces write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Off => "off",
            Self::Time => "time",
            Self::Credit => "credit",
            Self::NotReady => "not_ready",
            Self::Budget => "budget",
            Self::Forced => "forced",
        }
    }
}

impl SwitchCause {
    /// The cause as metrics and traces write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forced => "forced",
            Self::Resumed => "resumed",
            Self::OverrideOver => "override_over",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Done { attempts } => write!(f, "ended after {}", Attempts(attempts)),
            Self::Retry {
                attempt,
                wait,
                reason,
            } => {
                let reason = match reason {
                    RetryReason::Failure => "failed",
                    RetryReason::Hint => "failed with a hint of the server",
                    RetryReason::Costing => "failed with a verdict that names its cost",
                    RetryReason::Throttled => "was throttled",
                };
                write!(f, "attempt {attempt} {reason}, the next begins ")?;
                if wait.is_zero() {
                    f.write_str("at once")
                } else {
                    write!(f, "in {}", Rounded(wait))
                }
            }
            Self::GaveUp { attempts, reason } => {
                let reason = match reason {
                    GiveUpReason::Never => "the result is not retried",
                    GiveUpReason::Attempts => "no attempt is left",
                    GiveUpReason::NotRepeatable => "the request cannot be repeated",
                    GiveUpReason::Hint => "the hint of the server is too long",
                    GiveUpReason::Time => "no time is left",
                    GiveUpReason::Budget => "the budget granted no retry",
                    GiveUpReason::NotReady => "the service was not ready",
                    GiveUpReason::Forced => "an operator has turned retries off",
                };
                write!(f, "gave up after {}: {reason}", Attempts(attempts))
            }
            Self::Hedge { result } => f.write_str(match result {
                HedgeResult::Won => "hedge answered first",
                HedgeResult::Lost => "hedge did not answer first",
                HedgeResult::Off => "no hedge: hedges are off",
                HedgeResult::Time => "no hedge: no time is left",
                HedgeResult::Credit => "no hedge: no credit for one",
                HedgeResult::NotReady => "no hedge: the service was not ready",
                HedgeResult::Budget => "no hedge: the budget granted none",
                HedgeResult::Forced => "no hedge: an operator has turned them off",
            }),
            Self::Switched { cause, ref by } => {
                f.write_str(match cause {
                    SwitchCause::Forced => "retries and hedges turned off",
                    SwitchCause::Resumed => "retries and hedges turned on",
                    SwitchCause::OverrideOver => "retries and hedges on at the end of the override",
                })?;
                write!(f, " {by}")
            }
        }
    }
}

/// A number of attempts in words.
struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 attempt"),
            more => write!(f, "{more} attempts"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_a_line_of_a_log() {
        let retry = Event::Retry {
            attempt: 1,
            wait: Duration::from_micros(49_871),
            reason: RetryReason::Throttled,
        };
        let reason = GiveUpReason::Attempts;
        let result = HedgeResult::Off;
        let lines = [
            (Event::Done { attempts: 1 }, "ended after 1 attempt"),
            (retry, "attempt 1 was throttled, the next begins in 50ms"),
            (
                Event::GaveUp {
                    attempts: 3,
                    reason,
                },
                "gave up after 3 attempts: no attempt is left",
            ),
            (Event::Hedge { result }, "no hedge: hedges are off"),
            (
                Event::Switched {
                    cause: SwitchCause::Forced,
                    by: Override::new("alice", "an outage"),
                },
                "retries and hedges turned off by alice: an outage",
            ),
        ];
        for (event, line) in lines {
            assert_eq!(event.to_string(), line);
        }
    }
}
