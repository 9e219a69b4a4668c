//! Rejections and changes as an admin page or a log shows them: the fields of their tracing events.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::duration::written;
use crate::types::{DarkChange, Elapsed, LimitChange, Override};

impl Serialize for Elapsed {
    /// The fields `name`, `key`, `phase`, `after` and `limit`, as in a tracing event. Durations are text as in files. `None` is
    /// a `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Elapsed", 5)?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("key", &self.key().as_deref())?;
        fields.serialize_field("phase", self.phase().as_str())?;
        fields.serialize_field("after", &written(self.after()))?;
        fields.serialize_field("limit", &written(self.limit()))?;
        fields.end()
    }
}

impl Serialize for LimitChange {
    /// The fields `key`, `from`, `to`, `cause` ([`LimitCause::as_str`](crate::LimitCause::as_str)), `actor` and `reason`, as in
    /// a tracing event. Durations are text as in files. `None` is a `null`. The name is that of the timeout that is listened to.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("LimitChange", 6)?;
        fields.serialize_field("key", &self.key().as_deref())?;
        fields.serialize_field("from", &written(self.from()))?;
        fields.serialize_field("to", &written(self.to()))?;
        fields.serialize_field("cause", self.cause().as_str())?;
        fields.serialize_field("actor", &self.by().map(Override::actor))?;
        fields.serialize_field("reason", &self.by().map(Override::reason))?;
        fields.end()
    }
}

impl Serialize for DarkChange {
    /// The fields `cause` ([`DarkCause::as_str`](crate::DarkCause::as_str)), `actor` and `reason`, as in a tracing event. The
    /// name is that of the filter that is listened to.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("DarkChange", 3)?;
        fields.serialize_field("cause", self.cause().as_str())?;
        fields.serialize_field("actor", self.by().actor())?;
        fields.serialize_field("reason", self.by().reason())?;
        fields.end()
    }
}
