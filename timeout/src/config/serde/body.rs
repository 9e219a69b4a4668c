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
