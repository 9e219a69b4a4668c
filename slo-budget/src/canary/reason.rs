//! The reasons for a verdict.

use std::{fmt, time::Duration};

use super::evidence::{EValue, Percent};
use crate::types::duration::Spoken;

/// One reason for a verdict, with its numbers. Rates are from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// Roll back: the canary fails more often than the baseline.
    Worse(EValue),
    /// Roll back: the canary is slow more often than the baseline.
    Slower(EValue),
    /// Roll back: too many failures in a row.
    FailuresInARow(u64),
    /// Roll back: availability is below its limit.
    Unavailable {
        /// The error rate is at least this.
        at_least: f64,
        /// The greatest allowed error rate.
        limit: f64,
    },
    /// Roll back: the odds of failing (for small rates the error rate) are above the allowed multiple of the baseline's.
    TimesErrorRate {
        /// The evidence for it.
        evidence: EValue,
        /// The allowed multiple.
        times: f64,
    },
    /// Roll back: the 95th percentile is above the allowed multiple of the baseline's.
    TimesP95 {
        /// The share of requests that are slower than that multiple is at least this. Allowed are 5 %.
        at_least: f64,
        /// The allowed multiple.
        times: f64,
    },
    /// Roll back: too many measurements in a row have failed.
    NoMeasurement(u32),
    /// Roll back, hold or promote, as [`Overdue`](crate::canary::Overdue) says: the step took too long.
    Overdue(Duration),
    /// Promote: the error rate is within the guard.
    WithinGuard {
        /// The error rate is at most this.
        at_most: f64,
        /// The guard.
        guard: f64,
    },
    /// Promote: the canary does not fail more often than the baseline by the margin.
    NotWorse(EValue),
    /// Promote: the 95th percentile is about that of the baseline, because few requests are slow.
    FastEnough {
        /// The share of requests slower than the baseline's 95th percentile is at most this.
        at_most: f64,
        /// The greatest allowed share: 5 % and the margin.
        guard: f64,
    },
    /// Promote: the canary is not slow more often than the baseline by the margin.
    NotSlower(EValue),
    /// Promote: all requests already go to the canary.
    Complete,
    /// Hold: there are no requests in this step.
    NoData,
    /// Hold: no batch in this step has requests of both the baseline and the canary.
    NothingToCompare,
    /// Hold: the errors are neither shown to be good nor to be bad.
    ErrorsUndecided {
        /// The error rate is at most this.
        at_most: f64,
        /// The guard.
        guard: f64,
    },
    /// Hold: the latency is neither shown to be good nor to be bad.
    LatencyUndecided {
        /// The share of requests slower than the baseline's 95th percentile is at most this.
        at_most: f64,
        /// The greatest allowed share: 5 % and the margin.
        guard: f64,
    },
    /// Hold: the latest measurements failed.
    MeasurementFailed(u32),
    /// Hold: the gate does not admit all requests, by its budget or by an override.
    GateClosed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |e: EValue| format!("(e-value {e}, enough is {:.0})", e.needed());
        match *self {
            Self::Worse(e) => write!(f, "it fails more often than the baseline {}", shown(e)),
            Self::Slower(e) => write!(f, "it is slow more often than the baseline {}", shown(e)),
            Self::FailuresInARow(failures) => write!(f, "{failures} failures in a row"),
            Self::Unavailable { at_least, limit } => write!(
                f,
                "at least {} fail, where {} may",
                Percent(at_least),
                Percent(limit)
            ),
            Self::TimesErrorRate { evidence, times } => write!(
                f,
                "it fails more than {times} times as often as the baseline {}",
                shown(evidence)
            ),
            Self::TimesP95 { at_least, times } => write!(
                f,
                "at least {} take more than {times} times the 95th percentile of the baseline, where 5 % may",
                Percent(at_least)
            ),
            Self::NoMeasurement(failed) => write!(f, "{failed} measurements in a row failed"),
            Self::Overdue(waited) => write!(f, "the step has lasted {}", Spoken(waited)),
            Self::WithinGuard { at_most, guard } => write!(
                f,
                "at most {} fail, where {} may",
                Percent(at_most),
                Percent(guard)
            ),
            Self::NotWorse(e) => write!(
                f,
                "it does not fail more often than the baseline by the margin {}",
                shown(e)
            ),
            Self::FastEnough { at_most, guard } => write!(
                f,
                "at most {} are slow, where {} may be",
                Percent(at_most),
                Percent(guard)
            ),
            Self::NotSlower(e) => write!(
                f,
                "it is not slow more often than the baseline by the margin {}",
                shown(e)
            ),
            Self::Complete => f.write_str("all requests go to it"),
            Self::NoData => f.write_str("nothing was counted"),
            Self::NothingToCompare => {
                f.write_str("no batch holds requests of both the baseline and the canary")
            }
            Self::ErrorsUndecided { at_most, guard } => write!(
                f,
                "at most {} fail, which is not shown to be within {}",
                Percent(at_most),
                Percent(guard)
            ),
            Self::LatencyUndecided { at_most, guard } => write!(
                f,
                "at most {} are slow, which is not shown to be within {}",
                Percent(at_most),
                Percent(guard)
            ),
            Self::MeasurementFailed(1) => f.write_str("the latest measurement failed"),
            Self::MeasurementFailed(failed) => {
                write!(f, "the latest {failed} measurements failed")
            }
            Self::GateClosed => f.write_str("the gate does not admit all requests"),
        }
    }
}
