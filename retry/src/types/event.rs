use std::time::Duration;

/// What was decided after an attempt, for those who [watch](crate::RetryPolicy::on_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The classifier's verdict was [`Done`](crate::Verdict::Done): a call is over, after so many attempts.
    Done {
        /// How many attempts were made.
        attempts: u32,
    },
    /// An attempt failed, and another one will be made.
    Retry {
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How long to wait before the next one.
        wait: Duration,
        /// What asked for it.
        reason: RetryReason,
    },
    /// An attempt failed, and its result is the answer.
    GaveUp {
        /// How many attempts were made.
        attempts: u32,
        /// What stood in the way of another one.
        reason: GiveUpReason,
    },
}

/// What asked for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryReason {
    /// The verdict [`Retry`](crate::Verdict::Retry).
    Failure,
    /// The verdict [`RetryAfter`](crate::Verdict::RetryAfter): the server said when.
    Hint,
    /// The verdict [`RetryCosting`](crate::Verdict::RetryCosting).
    Costing,
}

/// What stood in the way of a retry.
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
    /// The budget had nothing left for it.
    Budget,
    /// The service was not ready for the retry that had been decided on, or its readiness failed.
    NotReady,
}

impl RetryReason {
    /// In one word, as metrics and traces have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Hint => "hint",
            Self::Costing => "costing",
        }
    }
}

impl GiveUpReason {
    /// In one word, as metrics and traces have it.
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
