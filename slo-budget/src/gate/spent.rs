use std::{error::Error, fmt, time::Duration};

use crate::{gate::Reasons, types::duration::Spoken};

/// An optional request was refused because the gate is closed.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    name: &'static str,
    retry_after: Duration,
    reasons: Reasons,
}

impl Spent {
    pub(crate) const fn new(name: &'static str, retry_after: Duration, reasons: Reasons) -> Self {
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

    /// When it is worth trying again, if no more errors come: in how long those that closed the gate leave
    /// the shortest window that holds them. Of several reasons the slowest counts. A budget that is spent may
    /// take days; for it this is the step in which the window of the period moves on, 360 slots (1 h), or, of a period of the
    /// calendar, the time to its end.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// Why the gate is closed.
    #[must_use]
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// Finds a `Spent` in an error or in what it says is its source, however deep.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(spent)` and enums with `#[from] Spent`; not
    /// through `#[error(transparent)]`, which forwards past the value: match that variant yourself.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = match error.downcast_ref::<std::io::Error>() {
                // `io::Error::source` steps past the value it wraps.
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
            "error budget `{}` admits no optional work: {}; try again in {}",
            self.name,
            self.reasons,
            Spoken(self.retry_after)
        )
    }
}

impl Error for Spent {}
