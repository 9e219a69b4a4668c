use std::{error::Error, fmt, time::Duration};

use crate::{
    gate::Reasons,
    types::{duration::Spoken, no_retry::NoRetry},
};

/// A gate refused an optional request.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    name: &'static str,
    /// In nanoseconds.
    retry_after: u64,
    reasons: Reasons,
}

impl Spent {
    pub(super) const fn new(name: &'static str, retry_after: u64, reasons: Reasons) -> Self {
        Self {
            name,
            retry_after,
            reasons,
        }
    }

    /// The name of the error budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// When to try again: the seconds in which the share rises to the whole if nothing fails any more, and one. That is
    /// 2 s to 16 s.
    ///
    /// For an override it is the time until its end. For an override without an end, and for a spent budget with
    /// [`WhenSpent::Refuse`](crate::WhenSpent::Refuse), it is the time until the period of the calendar ends, or the step
    /// in which a sliding period moves: 360 slots (1 h).
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        Duration::from_nanos(self.retry_after)
    }

    /// Why it was refused.
    #[must_use]
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// Finds a `Spent` in an error or in its chain of sources.
    ///
    /// Works for boxes, `anyhow`, `io::Error::other(spent)` and enums with `#[from] Spent`. It does not for
    /// `#[error(transparent)]`, which skips the value: match that variant yourself.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = match error.downcast_ref::<std::io::Error>() {
                // `io::Error::source` skips the value that it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error budget `{}` refuses optional work: {}; try again in {}",
            self.name,
            self.reasons,
            Spoken(self.retry_after())
        )
    }
}

impl Error for Spent {
    /// An error with the text `do not retry here`, which retry layers look for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NoRetry)
    }
}
