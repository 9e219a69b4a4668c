//! A backoff in a configuration file: `{ "exponential": { "base": "50ms", "cap": "2s", "multiplier": 1.5 } }`.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer, ser::Error};

use crate::{
    backoff::{Backoff, Growth, Jitter},
    duration,
};

#[derive(Deserialize, Serialize)]
#[serde(rename = "backoff", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Steps {
    Exponential {
        #[serde(with = "duration")]
        base: Duration,
        #[serde(with = "duration")]
        cap: Duration,
        #[serde(default = "two", skip_serializing_if = "is_two")]
        multiplier: Multiplier,
        #[serde(default, skip_serializing_if = "is_default")]
        jitter: Jitter,
    },
    Linear {
        #[serde(with = "duration")]
        step: Duration,
        #[serde(with = "duration")]
        cap: Duration,
        #[serde(default, skip_serializing_if = "is_default")]
        jitter: Jitter,
    },
    Constant {
        #[serde(with = "duration")]
        delay: Duration,
        #[serde(default, skip_serializing_if = "is_default")]
        jitter: Jitter,
    },
    None,
    #[serde(skip_deserializing, serialize_with = "refuse")]
    Custom,
}

impl From<Steps> for Backoff {
    fn from(steps: Steps) -> Self {
        match steps {
            Steps::Exponential {
                base,
                cap,
                multiplier: Multiplier(growth),
                jitter,
            } => Self::of(base, cap, growth).jitter(jitter),
            Steps::Linear { step, cap, jitter } => Self::linear(step, cap).jitter(jitter),
            Steps::Constant { delay, jitter } => Self::constant(delay).jitter(jitter),
            Steps::None | Steps::Custom => Self::none(),
        }
    }
}

impl From<Backoff> for Steps {
    fn from(backoff: Backoff) -> Self {
        let Backoff {
            first,
            cap,
            growth,
            custom,
            jitter,
        } = backoff;
        match growth {
            _ if custom.is_some() => Self::Custom,
            _ if backoff == Backoff::none() => Self::None,
            Growth::ADDING => Self::Linear {
                step: first,
                cap,
                jitter,
            },
            Growth::LEVEL => Self::Constant {
                delay: first,
                jitter,
            },
            growth => Self::Exponential {
                base: first,
                cap,
                multiplier: Multiplier(growth),
                jitter,
            },
        }
    }
}

/// The growth of an exponential backoff, as a number.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct Multiplier(Growth);

impl TryFrom<f64> for Multiplier {
    type Error = String;

    /// A program rounds what it computes; a file has no reason to.
    fn try_from(multiplier: f64) -> Result<Self, Self::Error> {
        let growth = Growth::by(multiplier);
        match growth.multiplier() {
            Some(nearest) if (nearest - multiplier).abs() < 1e-9 => Ok(Self(growth)),
            _ => Err(format!(
                "the multiplier of a backoff must be from 1.05 to 12.75, in steps of 0.05: found {multiplier}"
            )),
        }
    }
}

impl From<Multiplier> for f64 {
    fn from(Multiplier(growth): Multiplier) -> Self {
        growth.multiplier().unwrap_or(1.0)
    }
}

const fn two() -> Multiplier {
    Multiplier(Growth::DOUBLING)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_two(multiplier: &Multiplier) -> bool {
    multiplier.0 == Growth::DOUBLING
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_default(jitter: &Jitter) -> bool {
    *jitter == Jitter::default()
}

fn refuse<S: Serializer>(_: S) -> Result<S::Ok, S::Error> {
    let message = "a custom backoff is a function, which cannot be written to a file";
    Err(S::Error::custom(message))
}
