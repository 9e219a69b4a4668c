//! A rejection as an admin page or a log shows it.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::duration::written;
use crate::types::{Cause, Open, Override};

impl Serialize for Open {
    /// The fields `name`, `key`, `state`, `cause` ([`Cause::as_str`]), `detail` (its sentence), `retry_after`, `is_unready`, and of
    /// an override `actor` and `reason`. A duration is text as in files. `None` is a `null`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (cause, by) = (self.cause(), self.by());
        let mut fields = to.serialize_struct("Open", 9)?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("key", &self.key().as_deref())?;
        fields.serialize_field("state", &self.state())?;
        fields.serialize_field("cause", &cause.map(Cause::as_str))?;
        fields.serialize_field("detail", &cause.map(|cause| cause.to_string()))?;
        fields.serialize_field("retry_after", &written(self.retry_after()))?;
        fields.serialize_field("is_unready", &self.is_unready())?;
        fields.serialize_field("actor", &by.as_ref().map(Override::actor))?;
        fields.serialize_field("reason", &by.as_ref().map(Override::reason))?;
        fields.end()
    }
}
