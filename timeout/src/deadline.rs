//! Deadlines, and futures that run until one.

use std::{
    cmp::Ordering,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project::pin_project;
use tokio::time::Instant;

use crate::{
    observe,
    race::Race,
    types::{Allowance, Elapsed, Label, Nanos, Phase},
};

/// The instant after which an answer is of no use. A request carries it to the calls made on its behalf.
///
/// Deadlines are ordered in time, with [`NEVER`](Self::NEVER) last. For nested calls, `a.min(b)` is the earlier
/// of two. A deadline is `Copy`, and as large as an [`Instant`].
///
/// # Examples
///
/// ```
/// use maestro_timeout::Deadline;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let whole = Deadline::after(Duration::from_secs(1));
/// assert_eq!(whole.run(async { 7 }).await, Ok(7));
///
/// // A step with a limit never outlives the whole.
/// tokio::time::advance(Duration::from_millis(900)).await;
/// let step = whole.min(Deadline::after(Duration::from_millis(250)));
/// assert_eq!(step.remaining(), Duration::from_millis(100));
///
/// let elapsed = step.run(std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(elapsed.after(), Duration::from_millis(100));
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline(Option<Instant>);

/// The future of [`Deadline::run`].
///
/// # Panics
///
/// If it must wait and there is no tokio runtime with its time driver enabled (`enable_time`), or if it is
/// polled after it elapsed.
///
/// # Cancel safety
///
/// Dropping it drops the inner future and then the timer. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct Run<F> {
    #[pin]
    race: Race<F>,
}

/// The name in an [`Elapsed`] that comes from no [`Timeout`](crate::Timeout).
const LABEL: Label = Label::of_literal(&"deadline");

// === impl Deadline ===

impl Deadline {
    /// The deadline that is never reached: `after(Duration::MAX)`, without a clock read.
    pub const NEVER: Self = Self(None);

    /// The instant `limit` from now; [`NEVER`](Self::NEVER) if that is beyond the range of the clock.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        Self::after_at(limit, Instant::now())
    }

    /// As [`after`](Self::after), with the caller's `now`.
    #[must_use]
    pub fn after_at(limit: Duration, now: Instant) -> Self {
        Self(now.checked_add(limit))
    }

    /// Returns the instant; `None` for [`NEVER`](Self::NEVER). Closures for
    /// [`TimeoutLayer::deadline`](crate::TimeoutLayer::deadline) return it.
    #[must_use]
    pub const fn at(self) -> Option<Instant> {
        self.0
    }

    /// Returns the time that is left: zero if the deadline has passed, [`Duration::MAX`] for
    /// [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.remaining_at(Instant::now())
    }

    /// As [`remaining`](Self::remaining), with the caller's `now`.
    #[must_use]
    pub fn remaining_at(self, now: Instant) -> Duration {
        self.0
            .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }

    /// Returns the deadline of the next attempt if `attempts` are left: an equal share of the remaining time,
    /// rounded down to nanoseconds.
    ///
    /// Call it before each attempt with the number that is left. Then the time that an attempt does not use is
    /// shared by those after it, and the last attempt has all that remains. That is why the result is one
    /// deadline and not a list of them. 0 counts as 1. [`NEVER`](Self::NEVER) stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::Deadline;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let whole = Deadline::after(Duration::from_millis(900));
    /// assert_eq!(whole.split(3).remaining(), Duration::from_millis(300));
    ///
    /// // The first attempt failed early: the other two share what is left.
    /// tokio::time::advance(Duration::from_millis(100)).await;
    /// assert_eq!(whole.split(2).remaining(), Duration::from_millis(400));
    /// # }
    /// ```
    #[must_use]
    pub fn split(self, attempts: u32) -> Self {
        self.split_at(attempts, Instant::now())
    }

    /// As [`split`](Self::split), with the caller's `now`.
    #[must_use]
    pub fn split_at(self, attempts: u32, now: Instant) -> Self {
        match self.0.map(|at| at.checked_duration_since(now)) {
            Some(Some(left)) => Self::after_at(left / attempts.max(1), now),
            // Passed or never reached: each part is the same.
            Some(None) | None => self,
        }
    }

    /// Returns a deadline that is earlier by `time`. Use it to keep time for the work after the call.
    ///
    /// If less than `time` is left, the result has passed. [`NEVER`](Self::NEVER) stays. Reads no clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::Deadline;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let request = Deadline::after(Duration::from_millis(300));
    /// let query = request.reserve(Duration::from_millis(20)); // to render what it returns
    /// assert_eq!(query.remaining(), Duration::from_millis(280));
    /// # }
    /// ```
    #[must_use]
    pub fn reserve(self, time: Duration) -> Self {
        self.0.map_or(self, |at| {
            // Beyond the earliest instant of this platform, half the distance is as good: it has passed.
            let mut time = time;
            loop {
                if let Some(earlier) = at.checked_sub(time) {
                    return Self(Some(earlier));
                }
                time /= 2;
            }
        })
    }

    /// Runs `future` until it is ready or the deadline is reached. At the deadline the future is dropped.
    ///
    /// The future is polled first, a result wins a tie, and the timer is armed only if the future is pending.
    /// [`Elapsed::after`] counts from this call, not from the first poll.
    ///
    /// If the deadline has passed, the future is still polled once. Unlike a call that is not made yet, it may
    /// have run for a while (a task, a channel), and its result may be ready. If the future only begins its
    /// work when it is polled, check [`remaining`](Self::remaining) first.
    ///
    /// # Errors
    ///
    /// [`Elapsed`], named `deadline`, if the deadline is reached first.
    ///
    /// # Panics
    ///
    /// This method does not panic. The future panics if it must wait and there is no tokio runtime with its
    /// time driver enabled; see [`Run`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the inner one. Nothing else remains.
    pub fn run<F: IntoFuture>(self, future: F) -> Run<F::IntoFuture> {
        let allowance = self
            .0
            .map(|at| Allowance::new(LABEL, Instant::now(), Nanos::UNBOUNDED, Some(at)));
        Run {
            race: Race::new(future.into_future(), allowance),
        }
    }
}

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Some(at))
    }
}

/// `None` becomes [`NEVER`](Deadline::NEVER), the inverse of [`at`](Deadline::at).
impl From<Option<Instant>> for Deadline {
    fn from(at: Option<Instant>) -> Self {
        Self(at)
    }
}

impl fmt::Debug for Deadline {
    /// Shows the time that is left.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline")
            .field("remaining", &self.0.map(|_| self.remaining()))
            .finish()
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> Ordering {
        // `None` is the last deadline, but the first `Option`: the derived order would be wrong.
        let is_never = self.0.is_none().cmp(&other.0.is_none());
        is_never.then(self.0.cmp(&other.0))
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// === impl Run ===

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = self.project().race.poll(Phase::Call, cx);
        if let Poll::Ready(Err(elapsed)) = &result {
            observe::elapsed(elapsed);
        }
        result
    }
}

impl<F> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}
