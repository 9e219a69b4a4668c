use std::{cmp::Ordering, future::IntoFuture, time::Duration};

use tokio::time::Instant;

use crate::{allowance::Allowance, future::Run};

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
            Allowance::new(NAME, Instant::now(), Duration::MAX, Some(at))
        });
        Run::new(future.into_future(), allowance)
    }
}

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Some(at))
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
