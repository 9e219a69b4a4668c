//! Alerts as maps.

use std::time::Duration;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::Figure;
use crate::{
    alerts::{Alert, AlertEvent, AlertsSnapshot},
    types::BurnRate,
};

/// A window of an alert, in seconds, with its burn rate.
struct Window((Duration, Option<BurnRate>));

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self((window, burn_rate)) = self;
        let mut map = to.serialize_struct("Window", 2)?;
        map.serialize_field("seconds", &window.as_secs_f64())?;
        map.serialize_field("burn_rate", &Figure(burn_rate.map(BurnRate::as_f64)))?;
        map.end()
    }
}

impl Serialize for Alert {
    /// A map: `severity`; `state`, in lower case; `is_active`; `is_inhibited`; `lasted_seconds`; `factor`, a number;
    /// `long` and `short`, each with `seconds` and `burn_rate`, which is `null` without data; and `summary`, the sentence.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_struct("Alert", 9)?;
        map.serialize_field("severity", self.severity().as_str())?;
        map.serialize_field("state", &format_args!("{}", self.state()))?;
        map.serialize_field("is_active", &self.is_active())?;
        map.serialize_field("is_inhibited", &self.is_inhibited())?;
        map.serialize_field("lasted_seconds", &self.lasted().as_secs_f64())?;
        map.serialize_field("factor", &self.factor().as_f64())?;
        map.serialize_field("long", &Window(self.long()))?;
        map.serialize_field("short", &Window(self.short()))?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        map.end()
    }
}

impl Serialize for AlertsSnapshot {
    /// A list of all alerts, in the order of the rules.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl Serialize for AlertEvent {
    /// A map: `name`; `key`, `null` without a family that shows its keys; `index`; `alert`; and `summary`, the line.
    /// Without the instant, which has no date.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_struct("AlertEvent", 5)?;
        map.serialize_field("name", self.name())?;
        map.serialize_field("key", &self.key().as_deref())?;
        map.serialize_field("index", &self.index())?;
        map.serialize_field("alert", self.alert())?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        map.end()
    }
}
