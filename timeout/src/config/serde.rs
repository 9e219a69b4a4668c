//! The only place that knows the feature `serde`: builders are the configuration that is read from files.
//!
//! A builder is read field by field into a copy of its own, so that the names in the file are these here, an
//! unknown one is refused, and an error names the field it is about.

/// The functions that fields of these names are read with.
macro_rules! durations {
    ($($name:ident),*) => {
        $(
            fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
                from.deserialize_str(DurationOf(stringify!($name)))
            }
        )*
    };
}

#[cfg(feature = "http-body")]
mod body;
mod fields;
mod human;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::fields::{DurationOf, FlagOf, ShareOf};
use crate::{Builder, DeadlineFilter, DeadlineFilterBuilder};

// === Fields ===

durations!(limit, period);

fn count_readiness<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    from.deserialize_bool(FlagOf("count_readiness"))
}

fn dark<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    from.deserialize_bool(FlagOf("dark"))
}

fn max_share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    from.deserialize_f64(ShareOf("max_share"))
}

fn written<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&human::Written(*duration))
}

// === Builder ===

#[derive(Deserialize, Serialize)]
#[serde(rename = "timeout", deny_unknown_fields)]
struct Timeout {
    // Without a default: a limit that somebody forgot is not "none".
    #[serde(deserialize_with = "limit", serialize_with = "written")]
    limit: Duration,
    #[serde(default, deserialize_with = "count_readiness")]
    count_readiness: bool,
}

impl<'de> Deserialize<'de> for Builder {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let fields = Timeout::deserialize(from)?;
        Ok(Self {
            limit: fields.limit,
            counts_readiness: fields.count_readiness,
        })
    }
}

impl Serialize for Builder {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fields = Timeout {
            limit: self.limit,
            count_readiness: self.counts_readiness,
        };
        fields.serialize(to)
    }
}

// === DeadlineFilterBuilder ===

#[derive(Deserialize, Serialize)]
#[serde(rename = "deadline filter", deny_unknown_fields, default)]
struct Filter {
    #[serde(deserialize_with = "max_share")]
    max_share: f64,
    #[serde(deserialize_with = "period", serialize_with = "written")]
    period: Duration,
    #[serde(deserialize_with = "dark")]
    dark: bool,
}

impl Default for Filter {
    fn default() -> Self {
        DeadlineFilter::builder().into()
    }
}

impl From<DeadlineFilterBuilder> for Filter {
    fn from(builder: DeadlineFilterBuilder) -> Self {
        let DeadlineFilterBuilder {
            max_share,
            period,
            dark,
        } = builder;
        Self {
            max_share,
            period,
            dark,
        }
    }
}

impl<'de> Deserialize<'de> for DeadlineFilterBuilder {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Filter {
            max_share,
            period,
            dark,
        } = Filter::deserialize(from)?;
        let builder = Self {
            max_share,
            period,
            dark,
        };
        // Here, where the file is still at hand, and not at `build`.
        builder.settings().map_err(de::Error::custom)?;
        Ok(builder)
    }
}

impl Serialize for DeadlineFilterBuilder {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Filter::from(*self).serialize(to)
    }
}
