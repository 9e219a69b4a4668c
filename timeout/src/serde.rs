//! The only file that knows the feature `serde`: builders are the configuration that is read from files.
//!
//! A builder is read field by field into a copy of its own, so that the names in the file are these here, an
//! unknown one is refused, and an error names the field it is about.

mod human;

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use crate::{Builder, DeadlineFilter, DeadlineFilterBuilder};

// === Values ===

/// Reads the duration of the field of this name.
struct DurationOf(&'static str);

impl Visitor<'_> for DurationOf {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.0;
        write!(
            f,
            "in `{field}` a duration such as \"250ms\", \"1m 30s\" or \"unlimited\""
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        human::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads the flag of the field of this name.
struct FlagOf(&'static str);

impl Visitor<'_> for FlagOf {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in `{}` true or false", self.0)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }
}

/// Reads the share of the field of this name.
struct ShareOf(&'static str);

impl Visitor<'_> for ShareOf {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in `{}` a number from 0 to 1", self.0)
    }

    fn visit_f64<E: de::Error>(self, share: f64) -> Result<f64, E> {
        Ok(share)
    }

    // Formats tell 1 from 1.0, people do not.
    fn visit_u64<E: de::Error>(self, share: u64) -> Result<f64, E> {
        let small = u32::try_from(share)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(share), &self))?;
        Ok(small.into())
    }

    fn visit_i64<E: de::Error>(self, share: i64) -> Result<f64, E> {
        let small = i32::try_from(share)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(share), &self))?;
        Ok(small.into())
    }
}

/// The two functions that a field of a given name is read and written with.
macro_rules! durations {
    ($($name:ident),*) => {
        $(
            fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
                from.deserialize_str(DurationOf(stringify!($name)))
            }
        )*
    };
}
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

// === BodyTimeoutBuilder ===

#[cfg(feature = "http-body")]
mod body {
    use super::{Deserialize, Deserializer, Duration, DurationOf, Serialize, Serializer, written};
    use crate::{BodyTimeout, BodyTimeoutBuilder};

    durations!(headers, idle, whole);

    #[derive(Deserialize, Serialize)]
    #[serde(rename = "body timeout", deny_unknown_fields, default)]
    struct Body {
        #[serde(deserialize_with = "headers", serialize_with = "written")]
        headers: Duration,
        #[serde(deserialize_with = "idle", serialize_with = "written")]
        idle: Duration,
        #[serde(deserialize_with = "whole", serialize_with = "written")]
        whole: Duration,
    }

    impl Default for Body {
        fn default() -> Self {
            BodyTimeout::builder().into()
        }
    }

    impl From<BodyTimeoutBuilder> for Body {
        fn from(builder: BodyTimeoutBuilder) -> Self {
            let BodyTimeoutBuilder {
                headers,
                idle,
                whole,
            } = builder;
            Self {
                headers,
                idle,
                whole,
            }
        }
    }

    impl<'de> Deserialize<'de> for BodyTimeoutBuilder {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let Body {
                headers,
                idle,
                whole,
            } = Body::deserialize(from)?;
            Ok(Self {
                headers,
                idle,
                whole,
            })
        }
    }

    impl Serialize for BodyTimeoutBuilder {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            Body::from(*self).serialize(to)
        }
    }
}
