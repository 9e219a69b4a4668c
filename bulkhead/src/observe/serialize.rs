//! Feature `serde`: rejections and events as an admin page or a log prints them.
//!
//! Fields have the words of the `tracing` events, and of the accessors. Durations are text as in files. No limit is a `null`.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::{
    config::duration,
    types::{Cause, Event, Full, LimitCause, LimitChange, Override},
};

#[derive(Serialize)]
#[serde(rename = "Full")]
struct Rejection<'a> {
    name: &'a str,
    key: Option<&'a str>,
    cause: Cause,
    limit: Option<usize>,
    in_flight: usize,
    queued: usize,
    #[serde(serialize_with = "duration::serialize")]
    waited: Duration,
    places: Option<usize>,
    #[serde(serialize_with = "duration::option::serialize")]
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
#[serde(rename = "LimitChange")]
struct Change<'a> {
    key: Option<&'a str>,
    from: Option<usize>,
    to: Option<usize>,
    cause: LimitCause,
    actor: Option<&'a str>,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename = "Event", tag = "event", rename_all = "snake_case")]
enum Told<'a> {
    Rejected(&'a Full),
    LimitChanged(&'a LimitChange),
    Closed,
    Drained,
}

fn bounded(limit: usize) -> Option<usize> {
    (limit < usize::MAX).then_some(limit)
}

impl Serialize for Full {
    /// A field for each accessor: `name`, `key`, `cause` ([`Cause::as_str`]), `limit` (`null` if there is none), `in_flight`,
    /// `queued`, `waited`, `places` and `retry_after`. Durations are text as in files. `None` is a `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Rejection {
            name: self.name(),
            key: self.key().as_deref(),
            cause: self.cause(),
            limit: bounded(self.limit()),
            in_flight: self.in_flight(),
            queued: self.queued(),
            waited: self.waited(),
            places: self.places(),
            retry_after: self.retry_after(),
        }
        .serialize(to)
    }
}

impl Serialize for LimitChange {
    /// The fields `key`, `from`, `to` (`null` is no limit), `cause` ([`LimitCause::as_str`]), and of an override `actor` and
    /// `reason`, as in a tracing event. `None` is a `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Change {
            key: self.key().as_deref(),
            from: bounded(self.from()),
            to: bounded(self.to()),
            cause: self.cause(),
            actor: self.by().map(Override::actor),
            reason: self.by().map(Override::reason),
        }
        .serialize(to)
    }
}

impl Serialize for Event {
    /// The field `event`, which is `rejected`, `limit_changed`, `closed` or `drained`, and beside it the fields of the
    /// [`Full`] or of the [`LimitChange`].
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rejected(full) => Told::Rejected(full),
            Self::LimitChanged(change) => Told::LimitChanged(change),
            Self::Closed => Told::Closed,
            Self::Drained => Told::Drained,
        }
        .serialize(to)
    }
}

impl Serialize for Cause {
    /// As [`as_str`](Self::as_str).
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl Serialize for LimitCause {
    /// As [`as_str`](Self::as_str).
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
