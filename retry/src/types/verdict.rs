use std::time::Duration;

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The result is the answer, and the service did its work: a success, or an error such as "not found".
    ///
    /// An `Ok` counts as a success for the budget. An `Err` fills no budget. But a retry that ends with one gives back
    /// what it cost, because the service was not at fault.
    Done,
    /// A failure that may pass. The call is tried again after the backoff.
    Retry,
    /// A failure for which the server said when to come back. The call is tried again no earlier than that.
    ///
    /// The hint replaces the backoff, jitter comes on top of it, and the backoff starts again after it, as in
    /// [gRPC](crate::Delays::next_after). A hint that is shorter than the backoff does not shorten the wait, unless
    /// [`Builder::short_hints`](crate::Builder::short_hints) allows it. If the hint is longer than
    /// [`Builder::max_hint`](crate::Builder::max_hint), or ends after the deadline, the result is the answer. A
    /// clamped hint would come back earlier than the server asked.
    RetryAfter(Duration),
    /// As `Retry`, with a price in tokens for budgets in which retries have one ([`CostBucket`](crate::CostBucket)).
    /// Other budgets ignore the price.
    ///
    /// A retry that costs 0 runs even if the bucket is empty: only the attempts bound it. A retry that costs more
    /// than the bucket holds never runs.
    RetryCosting(u32),
    /// A failure that no retry can mend. Unlike `Done`, it counts as a failure for the budget.
    Never,
    /// The result is the answer, and says nothing about the service, as the rejection of an open circuit breaker does.
    ///
    /// No budget is told of it: it is neither a failure nor a success, and a retry that ends with it gives nothing
    /// back. A call whose first attempt ends with it pays nothing into a [`RetryBudget`](crate::RetryBudget).
    Ignored,
}
