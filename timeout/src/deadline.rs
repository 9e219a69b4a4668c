use std::{cmp::Ordering, future::IntoFuture, time::Duration};

use tokio::time::Instant;

use crate::{layer::future::Run, types::allowance::Allowance, types::nanos::Nanos};

/// The instant until which an answer is of use: what a request carries down through its calls.
///
/// Deadlines are ordered in time, [`NEVER`](Self::NEVER) last, so `a.min(b)` is the earlier of two:
/// what nested calls want. It is `Copy`, and as large as an [`Instant`].
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
/// // A step of its own limit never outlives the whole.
/// tokio::time::advance(Duration::from_millis(900)).await;
/// let step = whole.min(Deadline::after(Duration::from_millis(250)));
/// assert_eq!(step.remaining(), Duration::from_millis(100));
///
/// let elapsed = step.run(std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(elapsed.after(), Duration::from_millis(100));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline(Option<Instant>);

/// What an [`Elapsed`](crate::Elapsed) is named that comes from no [`Timeout`](crate::Timeout).
const NAME: &str = "deadline";

// === impl Deadline ===

impl Deadline {
    /// The deadline that is never reached: `after(Duration::MAX)` without reading the clock.
    pub const NEVER: Self = Self(None);

    /// The instant `limit` from now. Beyond what the clock can express it is [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        Self::after_at(limit, Instant::now())
    }

    /// As [`after`](Self::after), at a `now` that the caller has read.
    #[must_use]
    pub fn after_at(limit: Duration, now: Instant) -> Self {
        Self(now.checked_add(limit))
    }

    /// The instant itself, as closures for [`TimeoutLayer::deadline`](crate::TimeoutLayer::deadline) return it;
    /// `None` when it is [`NEVER`](Self::NEVER).
    #[must_use]
    pub const fn at(self) -> Option<Instant> {
        self.0
    }

    /// How long until then: zero when it has passed, [`Duration::MAX`] when it is [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.remaining_at(Instant::now())
    }

    /// As [`remaining`](Self::remaining), at a `now` that the caller has read.
    #[must_use]
    pub fn remaining_at(self, now: Instant) -> Duration {
        self.0
            .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }

    /// The deadline of the next of `attempts` that are still to be made: an equal share of what remains.
    ///
    /// What an attempt does not use is shared by those after it: before each, split the whole by the number
    /// of attempts that are left. The last has all that remains, and 0 counts as 1. Rounded down to
    /// nanoseconds; [`NEVER`](Self::NEVER) is never reached in parts either.
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

    /// As [`split`](Self::split), at a `now` that the caller has read.
    #[must_use]
    pub fn split_at(self, attempts: u32, now: Instant) -> Self {
        match self.0.map(|at| at.checked_duration_since(now)) {
            Some(Some(left)) => Self::after_at(left / attempts.max(1), now),
            // It has passed, or is never reached: so has, or is, each part.
            Some(None) | None => self,
        }
    }

    /// A deadline that is earlier by `time`, which is kept for the way back: for what is still to be done
    /// with the answer.
    ///
    /// Where there is less than that left, it has passed. [`NEVER`](Self::NEVER) stays.
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
            // Before the earliest instant there is, wherever that lies on this platform, half as far will do.
            let mut time = time;
            loop {
                if let Some(earlier) = at.checked_sub(time) {
                    return Self(Some(earlier));
                }
                time /= 2;
            }
        })
    }

    /// Runs `future` until it is ready or the deadline is reached; then the future is dropped.
    ///
    /// The future is polled first, a result wins a tie, and the timer is armed only when the future is
    /// first pending. [`Elapsed::after`](crate::Elapsed::after) counts from this call, not from the first poll.
    ///
    /// A deadline that has passed still polls the future once: it may have been under way for long (a
    /// task, a channel), and a result that is there is not thrown away. Where the future would only begin,
    /// ask [`remaining`](Self::remaining) first.
    ///
    /// # Errors
    ///
    /// [`Elapsed`](crate::Elapsed), named `deadline`, when the deadline is reached first.
    ///
    /// # Panics
    ///
    /// Not here. The future panics when it has to wait and there is no tokio runtime with its time driver
    /// enabled; see [`Run`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the one it was made of, and nothing else remains.
    pub fn run<F: IntoFuture>(self, future: F) -> Run<F::IntoFuture> {
        let allowance = self.0.map(|at| {
            // No limit but the deadline: what is left of it is the limit.
            Allowance::new(NAME, Instant::now(), Nanos::UNBOUNDED, Some(at))
        });
        Run::new(future.into_future(), allowance)
    }
}

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Some(at))
    }
}

/// `None` is [`NEVER`](Deadline::NEVER), as what [`at`](Deadline::at) returns.
impl From<Option<Instant>> for Deadline {
    fn from(at: Option<Instant>) -> Self {
        Self(at)
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Some(a), Some(b)) => a.cmp(&b),
            // By hand, as `None` is the last of all deadlines and the first of all options.
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
