//! A verdict as a map, with the feature `serde`.

use std::f64::consts::LN_10;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{EValue, Evidence, Hold, Interval, Reason, Verdict};

impl Serialize for Verdict {
    /// A map: `verdict` is `"promote"`, `"hold"` or `"roll_back"`, `summary` the sentence. Fields of other verdicts are `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (verdict, share, hold) = match self {
            Self::Promote(promotion) => ("promote", Some(promotion.to()), None),
            Self::Hold(hold) => ("hold", None, Some(hold)),
            Self::RollBack(_) => ("roll_back", None, None),
        };
        let mut map = to.serialize_struct("Verdict", 7)?;
        map.serialize_field("verdict", verdict)?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        map.serialize_field("to", &share)?;
        map.serialize_field("if_none_fails", &hold.and_then(Hold::if_none_fails))?;
        map.serialize_field("at_this_rate", &hold.and_then(Hold::at_this_rate))?;
        map.serialize_field("reasons", self.reasons())?;
        map.serialize_field("evidence", self.evidence())?;
        map.end()
    }
}

impl Serialize for Reason {
    /// A map: `reason`, its name; and `summary`, a sentence.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let name = match self {
            Self::Worse(_) => "worse",
            Self::Slower(_) => "slower",
            Self::FailuresInARow(_) => "failures_in_a_row",
            Self::TimesErrorRate { .. } => "times_error_rate",
            Self::Beyond(_) => "beyond",
            Self::NoMeasurement(_) => "no_measurement",
            Self::Overdue(_) => "overdue",
            Self::WithinGuard { .. } => "within_guard",
            Self::NotWorse(_) => "not_worse",
            Self::FastEnough { .. } => "fast_enough",
            Self::NotSlower(_) => "not_slower",
            Self::Complete => "complete",
            Self::NoData => "no_data",
            Self::NothingToCompare => "nothing_to_compare",
            Self::TooEarly { .. } => "too_early",
            Self::CountsFell(_) => "counts_fell",
            Self::BothBeyond(_) => "both_beyond",
            Self::BothFail(_) => "both_fail",
            Self::ErrorsUndecided { .. } => "errors_undecided",
            Self::LatencyUndecided { .. } => "latency_undecided",
            Self::MeasurementFailed(_) => "measurement_failed",
            Self::GateClosed => "gate_closed",
        };
        let mut map = to.serialize_struct("Reason", 2)?;
        map.serialize_field("reason", name)?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        map.end()
    }
}

impl Serialize for Evidence {
    /// A map with the figures; rates from 0 to 1.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_struct("Evidence", 14)?;
        map.serialize_field("step", &self.step())?;
        map.serialize_field("batches", &self.batches())?;
        map.serialize_field("baseline", &self.baseline())?;
        map.serialize_field("canary", &self.canary())?;
        map.serialize_field("canary_in_step", &self.canary_in_step())?;
        map.serialize_field("baseline_error_rate", &self.baseline_error_rate())?;
        map.serialize_field("canary_error_rate", &self.canary_error_rate())?;
        map.serialize_field("dispersion", &self.dispersion())?;
        map.serialize_field("error_rate_at_most", &self.error_rate_at_most())?;
        map.serialize_field("worse", &self.worse())?;
        map.serialize_field("far_worse", &self.far_worse())?;
        map.serialize_field("not_worse", &self.not_worse())?;
        map.serialize_field("slower", &self.slower())?;
        map.serialize_field("not_slower", &self.not_slower())?;
        map.end()
    }
}

impl Serialize for Interval {
    /// Low and high.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        [self.low(), self.high()].serialize(to)
    }
}

impl Serialize for EValue {
    /// Powers of ten, which are always finite.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_struct("EValue", 2)?;
        map.serialize_field("log10", &(self.ln() / LN_10))?;
        map.serialize_field("log10_needed", &self.needed().log10())?;
        map.end()
    }
}
