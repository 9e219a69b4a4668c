use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use super::{Label, Nanos, no_retry::NoRetry, rounded::Rounded};

/// A call took longer than its limit.
///
/// Creating and cloning it takes no allocation and no reference count.
#[doc(alias = "TimeLimiterError")]
#[doc(alias = "TimeoutException")]
#[doc(alias = "TimeoutRejectedException")]
#[derive(Clone, PartialEq, Eq)]
pub struct Elapsed {
    label: Label,
    phase: Phase,
    after: Nanos,
    /// Marked if the deadline of the request applied.
    limit: Nanos,
}

/// The phase of a call in which its time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Before the call. The call was not made.
    Before,
    /// The call: it returned no response.
    Call,
    /// The call of an HTTP service: it returned no response head.
    Headers,
    /// The wait for the next frame of a response body.
    Idle,
    /// The response body as a whole.
    Body,
}

// === impl Elapsed ===

impl Elapsed {
    pub(super) const fn new(label: Label, phase: Phase, after: Nanos, limit: Nanos) -> Self {
        Self {
            label,
            phase,
            after,
            limit,
        }
    }

    /// The rejection of a call that is not made because its deadline has passed.
    pub(crate) const fn before(label: Label) -> Self {
        Self::new(label, Phase::Before, Nanos::ZERO, Nanos::ZERO.by_deadline())
    }

    /// The name of the [`Timeout`](crate::Timeout), `BodyTimeout` or
    /// [`DeadlineFilter`](crate::DeadlineFilter) that ended the call; `deadline` for
    /// [`Deadline::run`](crate::Deadline::run).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.label.name()
    }

    /// The key of the member of a family that ended the call, if the family shows its keys (`Timeouts::show_keys`, feature
    /// `family`); else `None`. Takes a short lock.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.label.key()
    }

    /// The phase in which the time ran out.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The time between the start of the call and its end. Never less than [`limit`](Self::limit).
    ///
    /// It is the limit, plus the rounding of tokio's timer (up to a millisecond), plus the delay until the task
    /// was polled.
    ///
    /// In the phase [`Idle`](Phase::Idle) it counts from the start of the wait, in the phase
    /// [`Body`](Phase::Body) from the head of the response. In the phase [`Before`](Phase::Before) it is zero
    /// if the deadline had passed; otherwise it is the time for which the service was
    /// [not ready](crate::Builder::count_readiness).
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after.duration()
    }

    /// The limit that applied: that of the call or phase, or the time that was left until the request's
    /// deadline if that was shorter.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit.duration()
    }

    /// Finds an `Elapsed` in an error or in its chain of sources.
    ///
    /// It finds an `Elapsed` in boxes, in `anyhow`, in `io::Error::other(elapsed)` and in enums with
    /// `#[from] Elapsed`. It does not find one behind `#[error(transparent)]`, which hides the value from the
    /// chain; match that variant instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_timeout::{Deadline, Elapsed};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let deadline = Deadline::after(Duration::from_secs(1));
    /// let elapsed = deadline.run(std::future::pending::<()>()).await.unwrap_err();
    /// let error: Box<dyn std::error::Error + Send + Sync> = std::io::Error::other(elapsed).into();
    /// assert!(Elapsed::find(error.as_ref()).is_some());
    /// # }
    /// ```
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = match error.downcast_ref::<io::Error>() {
                // `io::Error::source` skips the value that it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, limit) = (self.label, Rounded(self.limit()));
        let what = match self.phase {
            Phase::Before => {
                return write!(f, "timeout {label} elapsed before the call was made");
            }
            Phase::Call => "no result",
            Phase::Headers => "no response head",
            Phase::Idle => "no frame of the body",
            Phase::Body => "no end of the body",
        };
        // Without the time taken, which differs from call to call.
        write!(f, "timeout {label} elapsed: {what} within {limit}")
    }
}

impl fmt::Debug for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            label,
            phase,
            after,
            limit,
        } = self;
        let mut debug = f.debug_struct("Elapsed");
        debug.field("name", &label.name());
        if let Some(key) = label.key() {
            debug.field("key", &key);
        }
        debug
            .field("phase", phase)
            .field("after", after)
            .field("limit", limit)
            .finish()
    }
}

impl Error for Elapsed {
    /// `None` for the limit of an attempt, which a retry layer may repeat. If the whole call has no time left, because
    /// its deadline ended it, this is an error with the text `do not retry here`, which retry layers look for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.limit.is_by_deadline() {
            Some(&NoRetry)
        } else {
            None
        }
    }
}

// === impl Phase ===

impl Phase {
    /// The name in metrics and logs: `before`, `call`, `headers`, `idle` or `body`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Call => "call",
            Self::Headers => "headers",
            Self::Idle => "idle",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
