//! What a field is read as. What is expected names the field, so that every error does.

use std::{fmt, time::Duration};

use serde::de::{self, Visitor};

use super::human;

/// Reads the duration of the field of this name.
pub(super) struct DurationOf(pub(super) &'static str);

impl Visitor<'_> for DurationOf {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.0;
        write!(
            f,
            "in `{field}` a duration such as \"250ms\", \"1m 30s\" or \"unlimited\""
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        human::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads the number of the field of this name.
pub(super) struct CountOf(pub(super) &'static str);

impl Visitor<'_> for CountOf {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in `{}` a whole number above zero", self.0)
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<u32, E> {
        u32::try_from(count).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(count), &self))
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<u32, E> {
        u32::try_from(count).map_err(|_| E::invalid_value(de::Unexpected::Signed(count), &self))
    }
}

/// Reads the share of the field of this name.
pub(super) struct ShareOf(pub(super) &'static str);

impl Visitor<'_> for ShareOf {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in `{}` a share: a number above 0.0 and up to 1.0",
            self.0
        )
    }

    fn visit_f64<E: de::Error>(self, share: f64) -> Result<f64, E> {
        Ok(share)
    }

    // Formats tell 1 from 1.0, people do not.
    fn visit_u64<E: de::Error>(self, share: u64) -> Result<f64, E> {
        let small = u32::try_from(share)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(share), &self))?;
        Ok(small.into())
    }

    fn visit_i64<E: de::Error>(self, share: i64) -> Result<f64, E> {
        let small = i32::try_from(share)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(share), &self))?;
        Ok(small.into())
    }
}
