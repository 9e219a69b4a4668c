use std::fmt;

/// Why a breaker changed its state, with the numbers of that moment.
///
/// [`Snapshot::cause`](crate::Snapshot::cause) and [`Open::cause`](crate::Open::cause) only know
/// the first six, which [open](Self::opens) a breaker. A [`Transition`](crate::Transition) has any
/// of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Too large a share of the calls in the window failed.
    #[non_exhaustive]
    FailureRatio {
        /// The failures, including the last call.
        failures: u32,
        /// The calls in the window.
        calls: u32,
    },
    /// Too many of the calls in the window failed.
    #[non_exhaustive]
    FailureCount {
        /// The failures, including the last call.
        failures: u32,
        /// The calls in the window.
        calls: u32,
    },
    /// Too large a share of the calls in the window were slow.
    #[non_exhaustive]
    SlowRatio {
        /// The slow calls, failed or not.
        slow: u32,
        /// The calls in the window.
        calls: u32,
    },
    /// Too many calls failed in a row.
    #[non_exhaustive]
    ConsecutiveFailures {
        /// The number of failures.
        failures: u32,
    },
    /// Too many probes of a half-open breaker failed, were slow, or missed their deadline.
    #[non_exhaustive]
    Probes {
        /// The failed probes.
        failures: u32,
        /// The probes that had a result.
        results: u32,
    },
    /// An operator opened it for a wait, see [`trip`](crate::CircuitBreaker::trip).
    Tripped,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// The wait in open ended.
    WaitOver,
    /// The ramp ended.
    RampOver,
    /// An operator forced a state, or resumed. Not a [trip](Self::Tripped).
    Operator,
    /// An override reached its end.
    OverrideOver,
    /// A reset.
    Reset,
}

// A cause in a word: nothing (1 bit, which a rejection uses), its kind (3 bits), the calls that count
// against the backend (30 bits), of how many (30 bits).
const NUMBER_BITS: u32 = 30;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

impl Cause {
    /// The word that stands for no cause.
    pub(crate) const NONE: u64 = 0;

    /// The names in metrics and events, in the order of [`index`](Self::index).
    pub(crate) const NAMES: [&'static str; 12] = [
        "failure_ratio",
        "failure_count",
        "slow_ratio",
        "consecutive_failures",
        "probes_failed",
        "tripped",
        "probes_succeeded",
        "wait_over",
        "ramp_over",
        "operator",
        "override_over",
        "reset",
    ];

    /// Whether this opens a breaker. In [`State::MetricsOnly`](crate::State::MetricsOnly) it would
    /// have.
    #[must_use]
    pub const fn opens(self) -> bool {
        self.index() < 6
    }

    /// The name in metrics and events: `failure_ratio`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self.index()]
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::FailureRatio { .. } => 0,
            Self::FailureCount { .. } => 1,
            Self::SlowRatio { .. } => 2,
            Self::ConsecutiveFailures { .. } => 3,
            Self::Probes { .. } => 4,
            Self::Tripped => 5,
            Self::ProbesSucceeded => 6,
            Self::WaitOver => 7,
            Self::RampOver => 8,
            Self::Operator => 9,
            Self::OverrideOver => 10,
            Self::Reset => 11,
        }
    }

    /// One word for a cause that [opens](Self::opens), and [`NONE`](Self::NONE) for the others. No
    /// count here reaches 2^30.
    pub(crate) fn to_bits(self) -> u64 {
        let (failures, of) = match self {
            Self::FailureRatio { failures, calls } | Self::FailureCount { failures, calls } => {
                (failures, calls)
            }
            Self::SlowRatio { slow, calls } => (slow, calls),
            Self::ConsecutiveFailures { failures } => (failures, 0),
            Self::Probes { failures, results } => (failures, results),
            Self::Tripped => (0, 0),
            _ => return Self::NONE,
        };
        let kind = self.index() as u64 + 1;
        (kind << (2 * NUMBER_BITS)) | (u64::from(failures) << NUMBER_BITS) | u64::from(of)
    }

    pub(crate) const fn from_bits(bits: u64) -> Option<Self> {
        let failures = ((bits >> NUMBER_BITS) & NUMBER_MASK) as u32;
        let of = (bits & NUMBER_MASK) as u32;
        match bits >> (2 * NUMBER_BITS) {
            1 => Some(Self::FailureRatio {
                failures,
                calls: of,
            }),
            2 => Some(Self::FailureCount {
                failures,
                calls: of,
            }),
            3 => Some(Self::SlowRatio {
                slow: failures,
                calls: of,
            }),
            4 => Some(Self::ConsecutiveFailures { failures }),
            5 => Some(Self::Probes {
                failures,
                results: of,
            }),
            6 => Some(Self::Tripped),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        match *self {
            Self::FailureRatio { failures, calls } => {
                write!(f, "{failures} of {calls} call{} failed", plural(calls))
            }
            Self::FailureCount { failures, calls } => {
                let s = plural(calls);
                write!(f, "{failures} of {calls} call{s} in the window failed")
            }
            Self::SlowRatio { slow: 1, calls } => {
                write!(f, "1 of {calls} call{} was slow", plural(calls))
            }
            Self::SlowRatio { slow, calls } => write!(f, "{slow} of {calls} calls were slow"),
            Self::ConsecutiveFailures { failures: 1 } => f.write_str("a call failed"),
            Self::ConsecutiveFailures { failures } => write!(f, "{failures} calls in a row failed"),
            Self::Probes { failures, results } => {
                write!(f, "{failures} of {results} probe{} failed", plural(results))
            }
            Self::Tripped => f.write_str("an operator opened it"),
            Self::ProbesSucceeded => f.write_str("enough probes succeeded"),
            Self::WaitOver => f.write_str("the wait ended"),
            Self::RampOver => f.write_str("the ramp ended"),
            Self::Operator => f.write_str("an operator decided so"),
            Self::OverrideOver => f.write_str("the override ended"),
            Self::Reset => f.write_str("it was reset"),
        }
    }
}
