//! The reasons for a verdict.

use std::{fmt, time::Duration};

use super::{
    evidence::{EValue, Percent},
    invalid::Side,
};
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
    /// Roll back: it fails more than the allowed multiple as often as the baseline.
    TimesErrorRate {
        /// The evidence for it.
        evidence: EValue,
        /// The allowed multiple.
        times: f64,
    },
    /// Roll back: beyond a limit of the policy.
    Beyond(Measure),
    /// Roll back: too many measurements in a row have failed.
    NoMeasurement(u32),
    /// Roll back, hold or promote, as [`Overdue`](crate::canary::Overdue) says: the step took too long.
    Overdue(Duration),
    /// Promote: at the share of the next step its errors cost the service no more than the guard allows.
    WithinGuard {
        /// The error rate is at most this.
        at_most: f64,
        /// The error rate that is allowed at that share.
        guard: f64,
    },
    /// Promote: the canary does not fail more often than the baseline by the margin.
    NotWorse(EValue),
    /// Promote: the 95th percentile is about that of the baseline before, because few requests are slow.
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
    /// Hold: the baseline has no requests in this step.
    NothingToCompare,
    /// Hold: the step is too young, or has too few complete batches.
    TooEarly {
        /// The complete batches of this step.
        batches: u32,
        /// The batches that a step needs.
        needed: u32,
        /// The time until the least time of a step has passed.
        left: Duration,
    },
    /// Hold: a count of this arm is lower than before, as after a restart. A new batch has begun.
    CountsFell(Side),
    /// Hold: the canary is beyond a limit, and so is the baseline.
    BothBeyond(Measure),
    /// Hold: this number of failures of the canary in a row, while at least half of the baseline's requests failed.
    BothFail(u64),
    /// Hold: the errors are neither shown to be good nor to be bad.
    ErrorsUndecided {
        /// The error rate is at most this.
        at_most: f64,
        /// The error rate that is allowed at the share of the next step.
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

/// What the canary did over the time of a limit. Its `Display` is a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    pub(super) seen: f64,
    pub(super) at_most: f64,
    pub(super) within: Duration,
    pub(super) slower_than: Option<Duration>,
    pub(super) times_p95: Option<f64>,
}

impl Measure {
    /// The share of failed or slow requests, from 0 to 1.
    #[must_use]
    pub const fn seen(&self) -> f64 {
        self.seen
    }

    /// The share that the limit allows.
    #[must_use]
    pub const fn at_most(&self) -> f64 {
        self.at_most
    }

    /// The time over which it was measured.
    #[must_use]
    pub const fn within(&self) -> Duration {
        self.within
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {} {} ", Spoken(self.within), Percent(self.seen))?;
        match (self.slower_than, self.times_p95) {
            (Some(time), _) => write!(f, "take longer than {}", Spoken(time))?,
            (_, Some(times)) => write!(
                f,
                "take more than {times} times the former 95th percentile of the baseline"
            )?,
            _ => f.write_str("fail")?,
        }
        write!(f, ", where {} may", Percent(self.at_most))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |e: EValue| format!("(e-value {e}, enough is {:.0})", e.needed());
        match *self {
            Self::Worse(e) => write!(f, "it fails more often than the baseline {}", shown(e)),
            Self::Slower(e) => write!(f, "it is slow more often than the baseline {}", shown(e)),
            Self::FailuresInARow(failures) => write!(f, "{failures} failures in a row"),
            Self::TimesErrorRate { evidence, times } => write!(
                f,
                "it fails more than {times} times as often as the baseline {}",
                shown(evidence)
            ),
            Self::Beyond(measure) => measure.fmt(f),
            Self::BothBeyond(measure) => write!(f, "both arms: {measure}"),
            Self::BothFail(failures) => write!(
                f,
                "both arms: {failures} failures in a row, and the baseline fails as well"
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
            Self::NothingToCompare => f.write_str("the baseline has no requests to compare with"),
            Self::TooEarly {
                batches,
                needed,
                left,
            } => {
                write!(f, "{batches} of {needed} batches are complete")?;
                if left.is_zero() {
                    return Ok(());
                }
                let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                let left = Spoken(Duration::from_secs(seconds));
                write!(f, ", and the step lasts {left} more")
            }
            Self::CountsFell(side) => write!(f, "counts of the {side} fell, so a new batch began"),
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
