use std::{error::Error, fmt, io, time::Duration};

use crate::{Phase, types::nanos::Nanos};

/// A call took longer than it was allowed to.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elapsed {
    name: &'static str,
    phase: Phase,
    after: Nanos,
    limit: Nanos,
}

impl Elapsed {
    pub(crate) const fn new(name: &'static str, phase: Phase, after: Nanos, limit: Nanos) -> Self {
        Self {
            name,
            phase,
            after,
            limit,
        }
    }

    /// A call that is not made, as its deadline has passed.
    pub(crate) const fn before(name: &'static str) -> Self {
        Self::new(name, Phase::Before, Nanos::ZERO, Nanos::ZERO)
    }

    /// The name of the [`Timeout`](crate::Timeout), or of what else bounded the call; `deadline` where it
    /// was a [`Deadline`](crate::Deadline) without tower.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What was going on when the time was up.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// How long after the call began it was given up: the limit, what the timer rounds up to (tokio's has
    /// a resolution of a millisecond), and the time by which the task was polled late. So it is never less
    /// than [`limit`](Self::limit).
    ///
    /// Of the phase [`Idle`](Phase::Idle) it counts from the beginning of the wait, of [`Body`](Phase::Body) from the
    /// head of the response. [`Before`](Phase::Before) the call it is zero when the deadline had passed, or how long
    /// the service was [unready](crate::Builder::count_readiness).
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after.duration()
    }

    /// How long the call, or the phase, was allowed to take: the limit, or what was left at its beginning of
    /// the request's deadline where that was less.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit.duration()
    }

    /// Finds an `Elapsed` in an error or in what it says is its source, however deep.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(elapsed)` and enums with `#[from] Elapsed`; not
    /// through `#[error(transparent)]`, which forwards past the value: match that variant yourself.
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
                // `io::Error::source` steps past the value it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, after, limit) = (self.name, self.after(), self.limit());
        let what = match self.phase {
            Phase::Before => {
                return write!(f, "timeout `{name}` elapsed before the call was made");
            }
            Phase::Call => "no result",
            Phase::Headers => "no response head",
            Phase::Idle => "no frame of the body",
            Phase::Body => "no end of the body",
        };
        write!(
            f,
            "timeout `{name}` elapsed: {what} after {after:?} of at most {limit:?}"
        )
    }
}

impl Error for Elapsed {}
