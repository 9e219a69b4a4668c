use std::{error::Error, fmt, time::Duration};

/// A setting is out of its range, or valid but probably a mistake.
///
/// Returned by [`DeadlineFilterBuilder::build`](crate::DeadlineFilterBuilder::build), `Builder::build_family`,
/// [`Builder::check`](crate::Builder::check) and [`Timeout::within`](crate::Timeout::within). The message names the
/// setting, the value found and the remedy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The share of rejections is not a number from 0 to 1.
    MaxShare(f64),
    /// The period is shorter than a millisecond.
    Period(Duration),
    /// The limit of this setting is zero: only what is ready at once would be in time.
    ZeroLimit(&'static str),
    /// The limit of this setting is longer than a day, and not [`Duration::MAX`].
    LongLimit(&'static str, Duration),
    /// The limit of each wait for a frame is not below that of the whole body: it would never apply.
    IdleAboveWhole {
        /// The limit of each wait.
        idle: Duration,
        /// The limit of the whole body.
        whole: Duration,
    },
    /// The limit of an attempt is above that of the whole call: it would never apply.
    AboveWhole {
        /// The limit of the attempt.
        attempt: Duration,
        /// The limit of the whole call.
        whole: Duration,
    },
    /// A family (feature `family`) with room for no key.
    Capacity,
    /// The name is empty: messages and metrics would name nothing.
    EmptyName,
}

/// A longer limit is probably in the wrong unit.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl InvalidConfig {
    /// Refuses a limit that is probably a mistake.
    pub(crate) const fn check_limit(field: &'static str, limit: Duration) -> Result<(), Self> {
        if limit.is_zero() {
            Err(Self::ZeroLimit(field))
        } else if limit.as_nanos() > DAY.as_nanos() && limit.as_nanos() < Duration::MAX.as_nanos() {
            Err(Self::LongLimit(field, limit))
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxShare(found) => write!(
                f,
                "`max_share` of a deadline filter must be from 0.0 to 1.0, not {found}"
            ),
            Self::Period(found) => write!(
                f,
                "`period` of a deadline filter must be at least 1 ms, not {found:?}: it counts in milliseconds"
            ),
            Self::ZeroLimit(field) => write!(
                f,
                "`{field}` is zero: only what is ready at once is in time; for no limit, leave it out or use `Duration::MAX`"
            ),
            Self::LongLimit(field, found) => write!(
                f,
                "`{field}` is {found:?}, more than a day: check the unit; for no limit, use `Duration::MAX`"
            ),
            Self::IdleAboveWhole { idle, whole } => write!(
                f,
                "`idle` is {idle:?} and `whole` is {whole:?}: `idle` never applies; make it shorter"
            ),
            Self::AboveWhole { attempt, whole } => write!(
                f,
                "the limit of an attempt is {attempt:?} and that of the whole call {whole:?}: the former never applies; make it shorter"
            ),
            Self::Capacity => f.write_str(
                "the capacity of a family must be at least 1: it is the number of keys with a separate timeout",
            ),
            Self::EmptyName => f.write_str(
                "the name is empty: messages and metrics would name nothing; choose one",
            ),
        }
    }
}

impl Error for InvalidConfig {}
