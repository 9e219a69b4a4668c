use std::fmt;

/// Why a circuit opened, with the numbers of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Too large a share of the calls in the window failed.
    #[non_exhaustive]
    FailureRatio {
        /// How many failed, the last one among them.
        failures: u32,
        /// Of how many in the window.
        calls: u32,
    },
    /// Too large a share of the calls in the window were slow.
    #[non_exhaustive]
    SlowRatio {
        /// How many were slow, failed or not.
        slow: u32,
        /// Of how many in the window.
        calls: u32,
    },
    /// Too many calls failed in a row.
    #[non_exhaustive]
    ConsecutiveFailures {
        /// How many.
        failures: u32,
    },
    /// Too many probes of a half-open circuit failed, were slow, or did not end in time.
    #[non_exhaustive]
    Probes {
        /// How many failed.
        failures: u32,
        /// Of how many results.
        results: u32,
    },
}

const RATIO: u64 = 1;
const IN_A_ROW: u64 = 2;
const PROBES: u64 = 3;
const SLOW: u64 = 4;
const NUMBER_BITS: u32 = 30;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

impl Cause {
    /// No cause.
    pub(crate) const NONE: u64 = 0;

    /// One word, never [`NONE`](Self::NONE). No count here reaches 2^30.
    pub(crate) fn to_bits(self) -> u64 {
        let (kind, failures, of) = match self {
            Self::FailureRatio { failures, calls } => (RATIO, failures, calls),
            Self::SlowRatio { slow, calls } => (SLOW, slow, calls),
            Self::ConsecutiveFailures { failures } => (IN_A_ROW, failures, 0),
            Self::Probes { failures, results } => (PROBES, failures, results),
        };
        (kind << (2 * NUMBER_BITS)) | (u64::from(failures) << NUMBER_BITS) | u64::from(of)
    }

    pub(crate) const fn from_bits(bits: u64) -> Option<Self> {
        let failures = ((bits >> NUMBER_BITS) & NUMBER_MASK) as u32;
        let of = (bits & NUMBER_MASK) as u32;
        match bits >> (2 * NUMBER_BITS) {
            RATIO => Some(Self::FailureRatio {
                failures,
                calls: of,
            }),
            SLOW => Some(Self::SlowRatio {
                slow: failures,
                calls: of,
            }),
            IN_A_ROW => Some(Self::ConsecutiveFailures { failures }),
            PROBES => Some(Self::Probes {
                failures,
                results: of,
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailureRatio { failures, calls } => {
                write!(f, "{failures} of {calls} calls failed")
            }
            Self::SlowRatio { slow, calls } => write!(f, "{slow} of {calls} calls were slow"),
            Self::ConsecutiveFailures { failures } => write!(f, "{failures} calls in a row failed"),
            Self::Probes { failures, results } => {
                write!(f, "{failures} of {results} probes failed")
            }
        }
    }
}
