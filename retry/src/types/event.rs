use std::time::Duration;

/// The decision after an attempt, as a [listener](crate::RetryPolicy::on_event) receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// The reason for a retry.
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
        }
    }
}
