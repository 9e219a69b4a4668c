use std::{error::Error, fmt, time::Duration};

/// A configuration that [`Builder::build`](crate::Builder::build), or the `build` of a budget or a hedge, refuses.
///
/// The message begins with the name of the policy, the budget or the family, where it is known. It says which values are
/// legal, and what was found.
///
/// # Examples
///
/// ```
/// use maestro_retry::{InvalidConfigKind, RetryBudget};
///
/// let refused = RetryBudget::builder().ratio(11.0).build("db").unwrap_err();
/// assert_eq!((refused.name(), refused.kind()), (Some("db"), InvalidConfigKind::Ratio(11.0)));
/// assert!(refused.to_string().starts_with("retry budget `db`: the ratio of a retry budget must be"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidConfig {
    /// `None` where nothing with a name is built, and where the name is empty.
    object: Option<(Object, &'static str)>,
    kind: InvalidConfigKind,
}

/// What was about to be built or changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Object {
    Policy,
    Budget,
}

/// What an [`InvalidConfig`] is about: the number that cannot work, with the value found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidConfigKind {
    /// The number of attempts is 0, so that nothing would ever be called.
    ZeroAttempts,
    /// This number of attempts, above 1,000, has no [`max_elapsed`](crate::Builder::max_elapsed).
    Attempts(u32),
    /// The first delay of a backoff is above its cap, so that the delays would not grow.
    #[non_exhaustive]
    Backoff {
        /// The method of the builder.
        field: &'static str,
        /// The first delay.
        base: Duration,
        /// The longest delay.
        cap: Duration,
    },
    /// The ratio of a budget is not a number from 0 to 10.
    Ratio(f64),
    /// The floor of a budget is above 1,000,000 retries a second.
    Floor(u32),
    /// The ttl of a budget is shorter than one second or longer than ten minutes.
    Ttl(Duration),
    /// The bucket of a [`HalfFull`](crate::HalfFull) does not hold from 1 to 1,000 tokens.
    MaxTokens(u32),
    /// The tokens that a success gives to a [`HalfFull`](crate::HalfFull) are not a number from 0.001 to 1,000.
    TokenRatio(f64),
    /// The cost of a retry in a [`CostBucket`](crate::CostBucket) is 0, or more than the bucket holds.
    #[non_exhaustive]
    Cost {
        /// The cost.
        cost: u32,
        /// What the bucket holds.
        capacity: u32,
    },
    /// The share of an [`InFlightShare`](crate::InFlightShare) is not a number from 0 to 1.
    Share(f64),
    /// The delay of a [`Hedge`](crate::Hedge) is not between its bounds, or these are not between 1 ms and an hour.
    #[non_exhaustive]
    HedgeDelay {
        /// The shortest delay.
        min: Duration,
        /// The fixed delay, or the first one.
        delay: Duration,
        /// The longest delay.
        max: Duration,
    },
    /// The quantile of a [`Hedge`](crate::Hedge) is not a number from 0.5 to 0.999.
    Quantile(f64),
    /// The share of a [`Hedge`](crate::Hedge) is not a number from 0 to 1.
    HedgeShare(f64),
    /// The burst of a [`Hedge`](crate::Hedge) is not from 1 to 1,000.
    HedgeBurst(u32),
    /// The capacity of a family is 0.
    Capacity,
}

// === impl InvalidConfig ===

impl InvalidConfig {
    /// The name of the policy, the budget or the family that could not be built or reconfigured. `None` where it is not
    /// known, as in the `check` of a builder and in a file, and where it is empty. A hedge has none.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        match self.object {
            Some((_, name)) => Some(name),
            None => None,
        }
    }

    /// What could not work, for a program. People read the message.
    #[must_use]
    pub const fn kind(&self) -> InvalidConfigKind {
        self.kind
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object {
            None => {}
            Some((Object::Policy, name)) => write!(f, "retry policy `{name}`: ")?,
            Some((Object::Budget, name)) => write!(f, "retry budget `{name}`: ")?,
        }
        self.kind.fmt(f)
    }
}

impl Error for InvalidConfig {}

// === impl InvalidConfigKind ===

impl InvalidConfigKind {
    /// The error about the policy, the budget or the family of this name.
    pub(crate) fn of(self, object: Object, name: &'static str) -> InvalidConfig {
        InvalidConfig {
            object: (!name.is_empty()).then_some((object, name)),
            kind: self,
        }
    }

    /// The error about numbers without a name.
    pub(crate) const fn unnamed(self) -> InvalidConfig {
        InvalidConfig {
            object: None,
            kind: self,
        }
    }

    // Const, so that a bad value in a `static` fails to compile with this message.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::ZeroAttempts => {
                "attempts must be at least 1: the first call is an attempt, and 1 means no retries"
            }
            Self::Attempts(_) => {
                "attempts must be at most 1,000 without max_elapsed: set the time after which a call gives up"
            }
            Self::Backoff { .. } => {
                "the first delay of a backoff must be at most its cap: exchange them, or use a constant backoff"
            }
            Self::Ratio(_) => {
                "the ratio of a retry budget must be from 0 to 10: 0.2 allows one retry in five calls"
            }
            Self::Floor(_) => {
                "the floor of a retry budget must be at most 1,000,000 retries a second"
            }
            Self::Ttl(_) => "the ttl of a retry budget must be from one second to ten minutes",
            Self::MaxTokens(_) => "the bucket of a throttle must hold from 1 to 1,000 tokens",
            Self::TokenRatio(_) => {
                "a success must give a throttle from 0.001 to 1,000 tokens: 0.1 makes ten successes outweigh one failure"
            }
            Self::Cost { .. } => "a retry must cost from 1 token to all that the bucket holds",
            Self::Share(_) => {
                "the share of calls in flight must be from 0 to 1: 0.2 lets one in five be a retry"
            }
            Self::HedgeDelay { .. } => {
                "the delay of a hedge must be between its bounds, and these from 1 ms to an hour"
            }
            Self::Quantile(_) => {
                "the quantile of a hedge must be from 0.5 to 0.999: 0.99 hedges one call in a hundred"
            }
            Self::HedgeShare(_) => {
                "the share of a hedge must be from 0 to 1: 0.02 lets one in fifty calls be hedged"
            }
            Self::Capacity => "a family must have a capacity of at least 1 key",
            Self::HedgeBurst(_) => "a hedge must save up from 1 to 1,000 hedges",
        }
    }
}

impl fmt::Display for InvalidConfigKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        match self {
            Self::ZeroAttempts | Self::Capacity => Ok(()),
            Self::Attempts(found)
            | Self::Floor(found)
            | Self::MaxTokens(found)
            | Self::HedgeBurst(found) => {
                write!(f, " (found {found})")
            }
            Self::Backoff { field, base, cap } => {
                write!(f, " ({field}: found {base:?} above {cap:?})")
            }
            Self::Ratio(found)
            | Self::TokenRatio(found)
            | Self::Share(found)
            | Self::Quantile(found)
            | Self::HedgeShare(found) => {
                write!(f, " (found {found})")
            }
            Self::Ttl(found) => write!(f, " (found {found:?})"),
            Self::HedgeDelay { min, delay, max } => {
                write!(f, " (found {delay:?}, and bounds of {min:?} and {max:?})")
            }
            Self::Cost { cost, capacity } => write!(f, " (found {cost} of {capacity})"),
        }
    }
}
