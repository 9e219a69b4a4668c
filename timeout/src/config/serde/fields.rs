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

/// Reads the flag of the field of this name.
pub(super) struct FlagOf(pub(super) &'static str);

impl Visitor<'_> for FlagOf {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in `{}` true or false", self.0)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }
}

/// Reads the share of the field of this name.
pub(super) struct ShareOf(pub(super) &'static str);

impl Visitor<'_> for ShareOf {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in `{}` a number from 0 to 1", self.0)
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
