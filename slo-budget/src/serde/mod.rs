//! The feature `serde`: figures for machines.
//!
//! Written by hand: most figures are computed, and a burn rate must distinguish no data (`null`) from infinity,
//! for which JSON has no number.

mod alerts;
mod gate;

use std::time::Duration;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    report::{Report, WindowReport},
    types::{BurnRate, Counts},
};

/// A figure for display: `null` without data, `"infinite"` if there was a bad event and none was allowed.
struct Figure(Option<f64>);

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => to.serialize_none(),
            Some(f64::INFINITY) => to.serialize_str("infinite"),
            Some(f64::NEG_INFINITY) => to.serialize_str("-infinite"),
            Some(figure) => to.serialize_f64(figure),
        }
    }
}

impl Serialize for Report {
    /// A map with the figures, a list of windows, times in seconds, and the sentence as `summary`. `key` is `null` without a
    /// family that shows its keys.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let windows: Vec<_> = self.windows().collect();
        let allowed_bad = u64::try_from(self.allowed_bad()).unwrap_or(u64::MAX);
        let seconds = |time: Duration| time.as_secs_f64();
        let mut map = to.serialize_struct("Report", 16)?;
        map.serialize_field("name", self.name())?;
        map.serialize_field("key", &self.key().as_deref())?;
        map.serialize_field("objective", &self.objective())?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        map.serialize_field("unit", self.unit())?;
        map.serialize_field("period", self.period())?;
        map.serialize_field("windows", &windows)?;
        map.serialize_field("allowed_bad", &allowed_bad)?;
        map.serialize_field("consumed", &Figure(self.consumed()))?;
        map.serialize_field("remaining", &Figure(self.remaining()))?;
        map.serialize_field("consumed_of_period", &Figure(self.consumed_of_period()))?;
        map.serialize_field("is_spent", &self.is_spent())?;
        map.serialize_field(
            "seconds_to_exhaustion",
            &self.time_to_exhaustion().map(seconds),
        )?;
        map.serialize_field("clock_steps_back", &self.clock_steps_back())?;
        map.serialize_field("clock_behind_seconds", &seconds(self.clock_behind()))?;
        map.serialize_field("slept_seconds", &seconds(self.slept()))?;
        map.end()
    }
}

impl Serialize for WindowReport {
    /// Length in seconds, counts, burn rate and coverage.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let burn_rate = self.burn_rate().map(BurnRate::as_f64);
        let mut map = to.serialize_struct("WindowReport", 5)?;
        map.serialize_field("seconds", &self.window().as_secs_f64())?;
        map.serialize_field("good", &self.counts().good())?;
        map.serialize_field("bad", &self.counts().bad())?;
        map.serialize_field("burn_rate", &Figure(burn_rate))?;
        map.serialize_field("coverage", &self.coverage())?;
        map.end()
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_struct("Counts", 2)?;
        map.serialize_field("good", &self.good())?;
        map.serialize_field("bad", &self.bad())?;
        map.end()
    }
}
