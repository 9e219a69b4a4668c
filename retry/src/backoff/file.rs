//! A backoff in a configuration file: `{ "exponential": { "base": "50ms", "cap": "2s" } }`.

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
            Steps::Exponential { base, cap, jitter } => Self::exponential(base, cap).jitter(jitter),
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
            Growth::Doubling => Self::Exponential {
                base: first,
                cap,
                jitter,
            },
            Growth::Adding => Self::Linear {
                step: first,
                cap,
                jitter,
            },
            Growth::Level => Self::Constant {
                delay: first,
                jitter,
            },
        }
    }
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
