//! Durations in configuration files: those of the shared format (`"250ms"`, `"1h 30m"`), and with days and weeks
//! (`"30d"`), because a period is that long.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use crate::{file::duration, types::Window};

/// A duration in a list.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Time(#[serde(with = "self")] pub(super) Duration);

const DAY: u64 = 24 * 3600;

struct Human;

impl Visitor<'_> for Human {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"250ms\", \"1h 30m\" or \"30d\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        let days = || text.parse::<Window>().ok().map(Duration::from);
        (duration::parse(text).or_else(days))
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    let whole_days = time.subsec_nanos() == 0 && time.as_secs() % DAY == 0;
    if whole_days && (1..=Window::MOST_DAYS).contains(&(time.as_secs() / DAY)) {
        return to.collect_str(&format_args!("{}d", time.as_secs() / DAY));
    }
    to.serialize_str(&duration::written(*time))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_str(Human)
}

/// The same for a setting that may be absent.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Duration, Serializer, Time};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Time>::deserialize(from)?.map(|Time(time)| time))
    }
}
