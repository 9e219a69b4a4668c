use std::{error::Error, fmt, time::Duration};

/// A setting is out of its range, or valid but probably a mistake.
///
/// Returned by [`DeadlineFilterBuilder::build`](crate::DeadlineFilterBuilder::build), `Builder::build_family`,
/// [`Builder::check`](crate::Builder::check) and [`Timeout::within`](crate::Timeout::within). The message begins with the
/// name of the timeout, the family or the filter, where it is known. Then it names the setting, the value found and the
/// remedy.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{DeadlineFilter, InvalidConfigKind};
///
/// let refused = DeadlineFilter::builder().max_share(20.0).build("orders").unwrap_err();
/// assert_eq!((refused.name(), refused.kind()), (Some("orders"), InvalidConfigKind::MaxShare(20.0)));
/// assert!(refused.to_string().starts_with("deadline filter `orders`: `max_share`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidConfig {
    /// `None` where nothing with a name is built or changed, and where the name is empty.
    object: Option<(Object, &'static str)>,
    kind: InvalidConfigKind,
}

/// What was about to be built or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Timeout,
    DeadlineFilter,
}

/// What an [`InvalidConfig`] is about: the setting, with the value found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidConfigKind {
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

// === impl InvalidConfig ===

impl InvalidConfig {
    /// The name of the timeout, the family or the filter that could not be built or changed; of
    /// [`Timeout::within`](crate::Timeout::within) that of the attempt. `None` where it is not known, as in
    /// [`Builder::check`](crate::Builder::check) and in a file, and where it is empty.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        match self.object {
            Some((_, name)) => Some(name),
            None => None,
        }
    }

    /// What is refused, for a program. People read the message.
    #[must_use]
    pub const fn kind(&self) -> InvalidConfigKind {
        self.kind
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object {
            None => {}
            Some((Object::Timeout, name)) => write!(f, "timeout `{name}`: ")?,
            Some((Object::DeadlineFilter, name)) => write!(f, "deadline filter `{name}`: ")?,
        }
        self.kind.fmt(f)
    }
}

impl Error for InvalidConfig {}

// === impl InvalidConfigKind ===

impl InvalidConfigKind {
    /// The error about the object of this name.
    pub(crate) fn of(self, object: Object, name: &'static str) -> InvalidConfig {
        InvalidConfig {
            object: (!name.is_empty()).then_some((object, name)),
            kind: self,
        }
    }

    /// The error about settings without a name.
    pub(crate) const fn unnamed(self) -> InvalidConfig {
        InvalidConfig {
            object: None,
            kind: self,
        }
    }

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

impl fmt::Display for InvalidConfigKind {
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
