//! Events as an admin page or a log has them.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Event, GiveUpReason, HedgeResult, RetryReason, SwitchCause};
use crate::duration;

/// Named as the fields of a tracing event.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Fields<'a> {
    Done {
        attempts: u32,
    },
    Retry {
        attempt: u32,
        #[serde(serialize_with = "duration::serialize")]
        wait: Duration,
        cause: &'a str,
    },
    GaveUp {
        attempts: u32,
        cause: &'a str,
    },
    Hedge {
        result: &'a str,
    },
    Switched {
        cause: &'a str,
        actor: &'a str,
        reason: &'a str,
    },
}

impl Serialize for Event {
    /// The field `event` (`done`, `retry`, `gave_up`, `hedge` or `switched`), and those of the variant, with the names of a
    /// tracing event: `cause` is the [`reason`](Event::Retry::reason) of a retry and of giving up, `actor` and `reason` are
    /// those of the [`Override`](crate::Override). A cause and a result are their `as_str`, and durations are text as in files.
    /// The name of the policy is not part of it.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Done { attempts } => Fields::Done { attempts },
            Self::Retry {
                attempt,
                wait,
                reason,
            } => Fields::Retry {
                attempt,
                wait,
                cause: reason.as_str(),
            },
            Self::GaveUp { attempts, reason } => Fields::GaveUp {
                attempts,
                cause: reason.as_str(),
            },
            Self::Hedge { result } => Fields::Hedge {
                result: result.as_str(),
            },
            Self::Switched { cause, ref by } => Fields::Switched {
                cause: cause.as_str(),
                actor: by.actor(),
                reason: by.reason(),
            },
        }
        .serialize(to)
    }
}

macro_rules! as_str {
    ($($type:ty)*) => {$(
        impl Serialize for $type {
            /// As [`as_str`](Self::as_str).
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    )*};
}

as_str!(RetryReason GiveUpReason HedgeResult SwitchCause);
