//! The only place that knows the feature `serde`: the builder is the configuration that is read from files.
//!
//! It is read field by field into a copy of its own, so that the names in the file are these here, an unknown
//! one is refused, what a file leaves out is the default, and an error names the field it is about.

mod fields;
mod human;
mod parts;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::fields::{CountOf, DurationOf, ShareOf};
use crate::{Builder, OnCancel, Probes, Ramp, Wait, Window};

#[derive(Deserialize, Serialize)]
#[serde(rename = "circuit breaker", deny_unknown_fields, default)]
struct Fields {
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "failure_ratio"
    )]
    failure_ratio: Option<f64>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "slow_ratio"
    )]
    slow_ratio: Option<f64>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "slow_after",
        serialize_with = "written_if_any"
    )]
    slow_after: Option<Duration>,
    window: Window,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "minimum_calls"
    )]
    minimum_calls: Option<u32>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "consecutive_failures"
    )]
    consecutive_failures: Option<u32>,
    wait_in_open: Wait,
    probes: Probes,
    #[serde(deserialize_with = "probe_deadline", serialize_with = "written")]
    probe_deadline: Duration,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "on_cancel"
    )]
    on_cancel: Option<OnCancel>,
    #[serde(skip_serializing_if = "is_default")]
    successes_open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ramp: Option<Ramp>,
}

impl Default for Fields {
    fn default() -> Self {
        Builder::new().into()
    }
}

impl From<Builder> for Fields {
    fn from(builder: Builder) -> Self {
        let Builder {
            failure_ratio,
            slow_ratio,
            slow_after,
            window,
            minimum_calls,
            consecutive_failures,
            wait_in_open,
            probes,
            probe_deadline,
            on_cancel,
            successes_open,
            ramp,
        } = builder;
        Self {
            failure_ratio,
            slow_ratio,
            slow_after,
            window,
            minimum_calls,
            consecutive_failures,
            wait_in_open,
            probes,
            probe_deadline,
            on_cancel,
            successes_open,
            ramp,
        }
    }
}

impl From<Fields> for Builder {
    fn from(fields: Fields) -> Self {
        let Fields {
            failure_ratio,
            slow_ratio,
            slow_after,
            window,
            minimum_calls,
            consecutive_failures,
            wait_in_open,
            probes,
            probe_deadline,
            on_cancel,
            successes_open,
            ramp,
        } = fields;
        Self {
            failure_ratio,
            slow_ratio,
            slow_after,
            window,
            minimum_calls,
            consecutive_failures,
            wait_in_open,
            probes,
            probe_deadline,
            on_cancel,
            successes_open,
            ramp,
        }
    }
}

impl Serialize for Builder {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Fields::from(*self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Builder {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let builder = Self::from(Fields::deserialize(from)?);
        // Here, where the file is still at hand, and not at `build`.
        builder.settings().map_err(de::Error::custom)?;
        Ok(builder)
    }
}

// === What the fields are read with: by their names, so that every error says which ===

fn duration<'de, D: Deserializer<'de>>(name: &'static str, from: D) -> Result<Duration, D::Error> {
    from.deserialize_str(DurationOf(name))
}

fn share<'de, D: Deserializer<'de>>(name: &'static str, from: D) -> Result<f64, D::Error> {
    from.deserialize_f64(ShareOf(name))
}

fn count<'de, D: Deserializer<'de>>(name: &'static str, from: D) -> Result<u32, D::Error> {
    from.deserialize_u32(CountOf(name))
}

macro_rules! read {
    ($($how:ident: $($name:ident),* -> $type:ty;)*) => {$($(
        fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
            $how(stringify!($name), from).map(Into::into)
        }
    )*)*};
}
read! {
    share: failure_ratio, slow_ratio -> Option<f64>;
    count: minimum_calls, consecutive_failures -> Option<u32>;
    duration: slow_after -> Option<Duration>;
    duration: probe_deadline -> Duration;
}

fn on_cancel<'de, D: Deserializer<'de>>(from: D) -> Result<Option<OnCancel>, D::Error> {
    OnCancel::deserialize(from).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_default(successes_open: &bool) -> bool {
    !*successes_open
}

fn written<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&human::Written(*duration))
}

#[expect(clippy::ref_option, reason = "as serde calls it")]
fn written_if_any<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => written(duration, to),
        None => to.serialize_none(),
    }
}
