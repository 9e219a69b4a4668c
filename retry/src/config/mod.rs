//! The only file that knows the feature `serde`: builders are the configuration that is read from files.
//!
//! A builder is read into a copy of its own, so that the names in the file are these here, and an unknown one is
//! refused; so are numbers that `build` would refuse.

mod human;

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
    ser,
};

use crate::{
    backoff::{Backoff, Growth, Jitter},
    budget::{
        BudgetBuilder, CostBucket, CostBucketBuilder, HalfFull, HalfFullBuilder, InFlightShare,
        InFlightShareBuilder, RetryBudget,
    },
    policy::{Builder, RetryPolicy},
};

// === Durations ===

/// A duration as people write it.
struct Text(Duration);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&human::Written(self.0))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"250ms\", \"1m 30s\" or \"unlimited\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                let duration = human::parse(text);
                duration
                    .map(Text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Read)
    }
}

// === Backoff ===

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Spread {
    #[default]
    Full,
    Equal,
    Decorrelated,
    PlusMinus(u8),
    None,
}

impl Spread {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Spread> for Jitter {
    fn from(spread: Spread) -> Self {
        match spread {
            Spread::Full => Self::Full,
            Spread::Equal => Self::Equal,
            Spread::Decorrelated => Self::Decorrelated,
            Spread::PlusMinus(percent) => Self::PlusMinus(percent),
            Spread::None => Self::None,
        }
    }
}

impl From<Jitter> for Spread {
    fn from(jitter: Jitter) -> Self {
        match jitter {
            Jitter::Full => Self::Full,
            Jitter::Equal => Self::Equal,
            Jitter::Decorrelated => Self::Decorrelated,
            Jitter::PlusMinus(percent) => Self::PlusMinus(percent),
            Jitter::None => Self::None,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename = "backoff", rename_all = "snake_case", deny_unknown_fields)]
enum Steps {
    Exponential {
        base: Text,
        cap: Text,
        #[serde(default, skip_serializing_if = "Spread::is_default")]
        jitter: Spread,
    },
    Linear {
        step: Text,
        cap: Text,
        #[serde(default, skip_serializing_if = "Spread::is_default")]
        jitter: Spread,
    },
    Constant {
        delay: Text,
        #[serde(default, skip_serializing_if = "Spread::is_default")]
        jitter: Spread,
    },
    None,
}

impl From<Steps> for Backoff {
    fn from(steps: Steps) -> Self {
        match steps {
            Steps::Exponential { base, cap, jitter } => {
                Self::exponential(base.0, cap.0).jitter(jitter.into())
            }
            Steps::Linear { step, cap, jitter } => {
                Self::linear(step.0, cap.0).jitter(jitter.into())
            }
            Steps::Constant { delay, jitter } => Self::constant(delay.0).jitter(jitter.into()),
            Steps::None => Self::none(),
        }
    }
}

impl Serialize for Backoff {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (first, cap, jitter) = (Text(self.first), Text(self.cap), self.jitter.into());
        let steps = match self.growth {
            _ if *self == Self::none() => Steps::None,
            Growth::Doubling => Steps::Exponential {
                base: first,
                cap,
                jitter,
            },
            Growth::Adding => Steps::Linear {
                step: first,
                cap,
                jitter,
            },
            Growth::Level => Steps::Constant {
                delay: first,
                jitter,
            },
            Growth::Custom(_) => {
                return Err(ser::Error::custom(
                    "a custom backoff is a function, which cannot be written down",
                ));
            }
        };
        steps.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Backoff {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Steps::deserialize(from).map(Into::into)
    }
}

// === Builder ===

#[derive(Deserialize, Serialize)]
#[serde(rename = "retry", deny_unknown_fields, default)]
struct Policy {
    attempts: u32,
    backoff: Backoff,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_elapsed: Option<Text>,
    max_hint: Text,
    wait_for_ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

impl From<Builder> for Policy {
    fn from(builder: Builder) -> Self {
        Self {
            attempts: builder.attempts,
            backoff: builder.backoff,
            max_elapsed: builder.max_elapsed.map(Text),
            max_hint: Text(builder.max_hint),
            wait_for_ready: builder.wait_for_ready,
            seed: builder.seed,
        }
    }
}

impl From<Policy> for Builder {
    fn from(policy: Policy) -> Self {
        Self {
            attempts: policy.attempts,
            backoff: policy.backoff,
            max_elapsed: policy.max_elapsed.map(|text| text.0),
            max_hint: policy.max_hint.0,
            wait_for_ready: policy.wait_for_ready,
            seed: policy.seed,
        }
    }
}

// === Budgets ===

#[derive(Deserialize, Serialize)]
#[serde(rename = "retry budget", deny_unknown_fields, default)]
struct ShareOfCalls {
    ratio: f64,
    floor_per_second: u32,
    ttl: Text,
}

#[derive(Deserialize, Serialize)]
#[serde(rename = "throttle", deny_unknown_fields, default)]
struct Throttle {
    max_tokens: u32,
    token_ratio: f64,
}

#[derive(Deserialize, Serialize)]
#[serde(rename = "cost bucket", deny_unknown_fields, default)]
struct Bucket {
    capacity: u32,
    cost: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(rename = "share in flight", deny_unknown_fields, default)]
struct InFlight {
    share: f64,
    minimum: u32,
}

impl From<BudgetBuilder> for ShareOfCalls {
    fn from(builder: BudgetBuilder) -> Self {
        Self {
            ratio: builder.ratio,
            floor_per_second: builder.floor,
            ttl: Text(builder.ttl),
        }
    }
}

impl From<ShareOfCalls> for BudgetBuilder {
    fn from(copy: ShareOfCalls) -> Self {
        Self {
            ratio: copy.ratio,
            floor: copy.floor_per_second,
            ttl: copy.ttl.0,
        }
    }
}

impl From<HalfFullBuilder> for Throttle {
    fn from(builder: HalfFullBuilder) -> Self {
        Self {
            max_tokens: builder.max_tokens,
            token_ratio: builder.token_ratio,
        }
    }
}

impl From<Throttle> for HalfFullBuilder {
    fn from(copy: Throttle) -> Self {
        Self {
            max_tokens: copy.max_tokens,
            token_ratio: copy.token_ratio,
        }
    }
}

impl From<CostBucketBuilder> for Bucket {
    fn from(builder: CostBucketBuilder) -> Self {
        Self {
            capacity: builder.capacity,
            cost: builder.cost,
        }
    }
}

impl From<Bucket> for CostBucketBuilder {
    fn from(copy: Bucket) -> Self {
        Self {
            capacity: copy.capacity,
            cost: copy.cost,
        }
    }
}

impl From<InFlightShareBuilder> for InFlight {
    fn from(builder: InFlightShareBuilder) -> Self {
        Self {
            share: builder.share,
            minimum: builder.minimum,
        }
    }
}

impl From<InFlight> for InFlightShareBuilder {
    fn from(copy: InFlight) -> Self {
        Self {
            share: copy.share,
            minimum: copy.minimum,
        }
    }
}

// === Each by its copy ===

macro_rules! by_copy {
    ($($builder:ident as $copy:ident, $default:expr, $build:expr;)*) => {$(
        impl Default for $copy {
            fn default() -> Self {
                $default.into()
            }
        }

        impl Serialize for $builder {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                $copy::from(*self).serialize(to)
            }
        }

        impl<'de> Deserialize<'de> for $builder {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let builder = Self::from($copy::deserialize(from)?);
                // Tried here, where the file is still at hand, and not at `build` alone.
                $build(builder).map_err(de::Error::custom)?;
                Ok(builder)
            }
        }
    )*};
}

by_copy! {
    Builder as Policy, RetryPolicy::builder(), |b: Self| b.build().map(drop);
    BudgetBuilder as ShareOfCalls, RetryBudget::builder(), |b: Self| b.build("").map(drop);
    HalfFullBuilder as Throttle, HalfFull::builder(), |b: Self| b.build("").map(drop);
    CostBucketBuilder as Bucket, CostBucket::builder(), |b: Self| b.build("").map(drop);
    InFlightShareBuilder as InFlight, InFlightShare::builder(), |b: Self| b.build("").map(drop);
}
