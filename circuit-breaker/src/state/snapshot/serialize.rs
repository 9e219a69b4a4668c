//! A snapshot as an admin page or a log shows it.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Snapshot;
use crate::{
    config::duration,
    types::{Cause, Override, State},
};

/// Named as the accessors, and as the fields of an event of a transition.
#[derive(Serialize)]
#[serde(rename = "Snapshot")]
struct Fields<'a> {
    name: &'a str,
    key: Option<&'a str>,
    state: State,
    generation: u64,
    calls: u32,
    failures: u32,
    slow_calls: u32,
    percent_admitted: u64,
    consecutive_failures: u32,
    probes_in_flight: u32,
    probes_settled: u32,
    #[serde(serialize_with = "duration::option::serialize")]
    retry_after: Option<Duration>,
    last_override: Option<Decision<'a>>,
    would_have_opened: u32,
    kept_closed: u64,
    cause: Option<&'a str>,
    detail: Option<String>,
}

/// The fields of an override. `Override` has no impl of its own, because its file is the same in all crates.
#[derive(Serialize)]
struct Decision<'a> {
    actor: &'a str,
    reason: &'a str,
    #[serde(serialize_with = "duration::option::serialize")]
    lasts: Option<Duration>,
}

impl Serialize for Snapshot {
    /// A field for each accessor, with its name. Durations are text as in files. [`cause`](Snapshot::cause) is its
    /// [`as_str`](Cause::as_str), and `detail` its sentence. [`last_override`](Snapshot::last_override) has the fields
    /// `actor`, `reason` and `lasts`. `None` is a `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let cause = self.cause();
        Fields {
            name: self.name(),
            key: self.key.as_deref(),
            state: self.state(),
            generation: self.generation(),
            calls: self.calls(),
            failures: self.failures(),
            slow_calls: self.slow_calls(),
            percent_admitted: self.percent_admitted(),
            consecutive_failures: self.consecutive_failures(),
            probes_in_flight: self.probes_in_flight(),
            probes_settled: self.probes_settled(),
            retry_after: self.retry_after(),
            last_override: self.last_override().map(Decision::from),
            would_have_opened: self.would_have_opened(),
            kept_closed: self.kept_closed(),
            cause: cause.map(Cause::as_str),
            detail: cause.map(|cause| cause.to_string()),
        }
        .serialize(to)
    }
}

impl<'a> From<&'a Override> for Decision<'a> {
    fn from(by: &'a Override) -> Self {
        Self {
            actor: by.actor(),
            reason: by.reason(),
            lasts: by.lasts(),
        }
    }
}
