//! What a gate decided, as maps.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use tokio::time::Instant;

use super::Figure;
use crate::{
    gate::{Change, Decision, Reason, Reasons, Snapshot, Spent, Transition},
    types::Override,
};

impl Serialize for Snapshot {
    /// A map: `name`; `key`, `null` without a family that shows its keys; `is_open`; `share` and `pace`; `reasons` and
    /// `decided`, lists of reasons; `is_forced`; `refused`, a number of requests; and `burning_for_seconds`, from
    /// [`since`](Self::since) until it is written, or `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let since = |since: Instant| since.elapsed().as_secs_f64();
        let mut map = to.serialize_struct("Snapshot", 10)?;
        map.serialize_field("name", self.name())?;
        map.serialize_field("key", &self.key().as_deref())?;
        map.serialize_field("is_open", &self.is_open())?;
        map.serialize_field("share", &self.share())?;
        map.serialize_field("pace", &self.pace())?;
        map.serialize_field("reasons", &self.reasons())?;
        map.serialize_field("decided", &self.decided())?;
        map.serialize_field("is_forced", &self.is_forced())?;
        map.serialize_field("refused", &self.refused())?;
        map.serialize_field("burning_for_seconds", &self.since().map(since))?;
        map.end()
    }
}

impl Serialize for Reasons {
    /// A list.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl Serialize for Reason {
    /// A map: `reason`, its name; `summary`, a sentence; and `pace`, `burn` and `share` of [`Burning`](Self::Burning).
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let name = match self {
            Self::BudgetSpent => "budget_spent",
            Self::Burning { .. } => "burning",
            Self::OverLimit(_) => "over_limit",
            Self::NoData => "no_data",
            Self::Forced => "forced",
        };
        let fields = if matches!(self, Self::Burning { .. }) {
            5
        } else {
            2
        };
        let mut map = to.serialize_struct("Reason", fields)?;
        map.serialize_field("reason", name)?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        if let Self::Burning { pace, burn, share } = self {
            map.serialize_field("pace", pace)?;
            map.serialize_field("burn", &Figure(Some(*burn)))?;
            map.serialize_field("share", share)?;
        }
        map.end()
    }
}

impl Serialize for Decision {
    /// A map: `decision` is `"allow"` or `"block"`, and `reasons` a list.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (decision, reasons) = match self {
            Self::Allow => ("allow", Reasons::default()),
            Self::Block(reasons) => ("block", *reasons),
        };
        let mut map = to.serialize_struct("Decision", 2)?;
        map.serialize_field("decision", decision)?;
        map.serialize_field("reasons", &reasons)?;
        map.end()
    }
}

impl Serialize for Transition {
    /// A map: `name`; `key`, or `null`; `cause`, as the label of the metric; `is_open`; `summary`, the line for an audit
    /// log; `reasons`, a list; and `actor` and `reason` of the operator who changed the gate or whose override is over, or
    /// `null`. Without the instant, which has no date.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (reasons, by) = match self.change() {
            Change::Decided(reasons) => (*reasons, None),
            Change::Paused(_) => (Reasons::default(), None),
            Change::Forced(by) | Change::Resumed { by, .. } | Change::OverrideOver(by) => {
                (Reasons::default(), Some(by))
            }
        };
        let mut map = to.serialize_struct("Transition", 8)?;
        map.serialize_field("name", self.name())?;
        map.serialize_field("key", &self.key().as_deref())?;
        map.serialize_field("cause", self.change().as_str())?;
        map.serialize_field("is_open", &self.is_open())?;
        map.serialize_field("summary", &format_args!("{self}"))?;
        map.serialize_field("reasons", &reasons)?;
        map.serialize_field("actor", &by.map(Override::actor))?;
        map.serialize_field("reason", &by.map(Override::reason))?;
        map.end()
    }
}

impl Serialize for Spent {
    /// A map: `name`; `key`, or `null`; `retry_after_seconds`; and `reasons`, a list.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_struct("Spent", 4)?;
        map.serialize_field("name", self.name())?;
        map.serialize_field("key", &self.key().as_deref())?;
        map.serialize_field("retry_after_seconds", &self.retry_after().as_secs_f64())?;
        map.serialize_field("reasons", &self.reasons())?;
        map.end()
    }
}
