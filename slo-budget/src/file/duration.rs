//! Durations in configuration files: `"250ms"`, `"1m 30s"`, `"unlimited"`.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, fmt::friendly::SpanPrinter};
use serde::{
    Deserializer, Serializer,
    de::{self, Visitor},
};

/// How a file writes [`Duration::MAX`].
const UNLIMITED: &str = "unlimited";

const PRINTER: SpanPrinter = SpanPrinter::new();

struct Human;

impl Visitor<'_> for Human {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"250ms\", \"1m 30s\" or \"unlimited\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads jiff's friendly format: numbers with units from nanoseconds to hours. A negative duration, days and
/// longer units, and ISO 8601 are refused.
pub(super) fn parse(text: &str) -> Option<Duration> {
    match text.trim() {
        UNLIMITED => Some(Duration::MAX),
        text if text.starts_with(|c: char| c.is_ascii_digit()) => {
            Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
        }
        _ => None,
    }
}

/// The text that [`parse`] reads back as `duration`, to the nanosecond. A duration above [`i64::MAX`] seconds is
/// written as `unlimited`.
pub(super) fn written(duration: Duration) -> String {
    match SignedDuration::try_from(duration) {
        Ok(signed) => PRINTER.duration_to_string(&signed),
        Err(_) => UNLIMITED.to_owned(),
    }
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&written(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_str(Human)
}

/// The same for a setting that may be absent.
pub(crate) mod option {
    use serde::Deserialize;

    use super::{Deserializer, Duration, Serializer, written};

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Read(#[serde(deserialize_with = "super::deserialize")] Duration);

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => to.serialize_str(&written(*duration)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Read>::deserialize(from)?.map(|read| read.0))
    }
}
