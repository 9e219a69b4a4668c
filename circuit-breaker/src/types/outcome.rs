use std::time::Duration;

use super::MayReject;

/// How a call ended, as the circuit breaker counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The backend did its work. Telling a client that its request was wrong is work too.
    Success,
    /// The backend did not do its work.
    Failure,
    /// A failure, with the time for which the backend asks not to be called (a `Retry-After`). If
    /// this call opens the breaker, the breaker stays open for at least that time. The same holds
    /// for what any probe says, if the probes open it again. A time above
    /// [`Builder::max_retry_after`](crate::Builder::max_retry_after) is cut to that.
    FailureFor(Duration),
    /// Says nothing about the backend: a rejection by a layer further in.
    Ignored,
}

impl Outcome {
    /// Of a call that returned `error`.
    pub(crate) fn of_error<M>(error: &impl MayReject<M>) -> Self {
        if error.is_rejection() {
            Self::Ignored
        } else {
            Self::Failure
        }
    }
}

/// How a call counts that was dropped before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum OnCancel {
    /// It does not count: the caller may have had its reasons. A probe gives its slot back.
    Ignored,
    /// As a failure: for callers whose outer timeout ends the calls to a hung backend.
    Failure,
    /// As a failure if it was slow by then ([`Builder::slow_after`](crate::Builder::slow_after)),
    /// else it does not count: callers that change their mind do so early, an outer timeout comes
    /// late.
    FailureIfSlow,
}

/// The end of a call: its outcome, or that it was dropped without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Finished(Outcome),
    Cancelled,
}
