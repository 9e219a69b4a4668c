use std::time::Duration;

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// This is the answer: a success, or an error that says nothing about the service's health.
    ///
    /// Of an `Err` a budget hears nothing then: neither that the service failed, nor that it did well.
    Done,
    /// A failure that may pass: try again after the backoff.
    Retry,
    /// A failure for which the server has said when to come back: try again no earlier than that.
    ///
    /// The hint wins over the backoff and is never undercut; jitter comes on top, and the backoff begins anew
    /// after it, as [gRPC](crate::Delays::next_after) has it. A hint above
    /// [`Builder::max_hint`](crate::Builder::max_hint), or beyond the deadline, is not waited for: the
    /// result is the answer.
    RetryAfter(Duration),
    /// As `Retry`; and of a budget in which retries have a price ([`CostBucket`](crate::CostBucket)), so many
    /// tokens are asked for. Other budgets make no difference.
    ///
    /// What costs 0 is free: such a bucket lets it run, even when it is empty, and the attempts alone bound it. What
    /// costs more than the bucket holds never runs.
    RetryCosting(u32),
    /// A failure that no retry can mend. For the budget it is a failure, as `Done` is not.
    Never,
}
