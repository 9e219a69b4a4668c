use std::time::Duration;

use crate::types::RetryReason;

/// What to do after an attempt.
///
/// # Examples
///
/// A retry can have a hint, a price and the backoff for throttling, in any combination:
///
/// ```
/// use std::time::Duration;
/// use maestro_retry::Verdict;
///
/// let hint = Duration::from_secs(2);
/// let verdict = Verdict::Retry.after(hint).cost(10).throttled();
/// assert_ne!(verdict, Verdict::Retry.after(hint));
/// assert_eq!(Verdict::Retry.after(hint), Verdict::RetryAfter(hint));
/// ```
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
    /// As `Retry`, with several of the above, or with the backoff for throttling. Made by [`after`](Self::after),
    /// [`cost`](Self::cost) and [`throttled`](Self::throttled).
    RetryWith(RetryTerms),
    /// A failure that no retry can mend. Unlike `Done`, it counts as a failure for the budget.
    Never,
    /// The result is the answer, and says nothing about the service, as the rejection of an open circuit breaker does.
    ///
    /// No budget is told of it: it is neither a failure nor a success, and a retry that ends with it gives nothing
    /// back. A call whose first attempt ends with it pays nothing into a [`RetryBudget`](crate::RetryBudget).
    Ignored,
}

/// The terms of a retry: a hint, a price, and which backoff. Made by the methods of [`Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryTerms {
    after: Option<Duration>,
    cost: Option<u32>,
    throttled: bool,
}

// === impl Verdict ===

impl Verdict {
    /// The retry with a hint of the server, as [`RetryAfter`](Self::RetryAfter). A verdict that is no retry stays as it
    /// is.
    #[must_use]
    pub const fn after(self, hint: Duration) -> Self {
        match self.terms() {
            Some(terms) => Self::of(RetryTerms {
                after: Some(hint),
                ..terms
            }),
            None => self,
        }
    }

    /// The retry with a price, as [`RetryCosting`](Self::RetryCosting). A verdict that is no retry stays as it is.
    #[must_use]
    pub const fn cost(self, tokens: u32) -> Self {
        match self.terms() {
            Some(terms) => Self::of(RetryTerms {
                cost: Some(tokens),
                ..terms
            }),
            None => self,
        }
    }

    /// The retry with [`Builder::throttle_backoff`](crate::Builder::throttle_backoff), for a server that asks for fewer
    /// calls. A verdict that is no retry stays as it is.
    #[must_use]
    pub const fn throttled(self) -> Self {
        match self.terms() {
            Some(terms) => Self::of(RetryTerms {
                throttled: true,
                ..terms
            }),
            None => self,
        }
    }

    /// `None` if it is no retry.
    pub(crate) const fn terms(self) -> Option<RetryTerms> {
        let plain = RetryTerms {
            after: None,
            cost: None,
            throttled: false,
        };
        match self {
            Self::Retry => Some(plain),
            Self::RetryAfter(hint) => Some(RetryTerms {
                after: Some(hint),
                ..plain
            }),
            Self::RetryCosting(tokens) => Some(RetryTerms {
                cost: Some(tokens),
                ..plain
            }),
            Self::RetryWith(terms) => Some(terms),
            Self::Done | Self::Never | Self::Ignored => None,
        }
    }

    /// The shortest form, so that equal terms are equal verdicts.
    const fn of(terms: RetryTerms) -> Self {
        match (terms.after, terms.cost, terms.throttled) {
            (None, None, false) => Self::Retry,
            (Some(hint), None, false) => Self::RetryAfter(hint),
            (None, Some(tokens), false) => Self::RetryCosting(tokens),
            _ => Self::RetryWith(terms),
        }
    }
}

// === impl RetryTerms ===

impl RetryTerms {
    /// The server's hint.
    pub(crate) const fn hint(&self) -> Option<Duration> {
        self.after
    }

    /// The price.
    pub(crate) const fn price(&self) -> Option<u32> {
        self.cost
    }

    /// Whether the backoff for throttling applies.
    pub(crate) const fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// The reason as listeners hear it: what decides the wait, or else the price.
    pub(crate) const fn reason(&self) -> RetryReason {
        match (self.after, self.throttled, self.cost) {
            (Some(_), _, _) => RetryReason::Hint,
            (None, true, _) => RetryReason::Throttled,
            (None, false, Some(_)) => RetryReason::Costing,
            (None, false, None) => RetryReason::Failure,
        }
    }
}
