//! Exact numbers in configuration files: objectives and factors, as text or as numbers.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use crate::types::{Factor, InvalidConfig, Objective};

impl Serialize for Objective {
    /// As text: `"99.9%"`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Objective {
    /// From text, as [`FromStr`](std::str::FromStr): `"99.9%"`, `"0.999"`, `"999/1000"`. Or from a number from 0 to 1:
    /// the shortest decimal of a rounded number is the one that was written, if that has at most 15 digits.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Share)
    }
}

struct Share;

impl Visitor<'_> for Share {
    type Value = Objective;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an objective such as \"99.9%\", or the number 0.999")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Objective, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Objective, E> {
        Objective::new(number, 1)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Objective, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f32<E: de::Error>(self, number: f32) -> Result<Objective, E> {
        // Not as an `f64`, whose shortest decimal is another one.
        (number.to_string().parse()).map_err(|_: InvalidConfig| {
            E::invalid_value(de::Unexpected::Float(number.into()), &self)
        })
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Objective, E> {
        // Rust writes the shortest decimal that reads as the same number, and no exponent.
        (number.to_string().parse())
            .map_err(|_: InvalidConfig| E::invalid_value(de::Unexpected::Float(number), &self))
    }
}

impl Serialize for Factor {
    /// As text, exactly: `"14.4"`, or `"1/3"` where no decimal is short enough.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.exact())
    }
}

impl<'de> Deserialize<'de> for Factor {
    /// From text, as [`FromStr`](std::str::FromStr), or from a number with at most nine digits: the shortest decimal of
    /// a rounded number is the one that was written.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Factor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number such as 14.4 or \"14.4\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Factor, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Factor, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Factor, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Factor, E> {
        // Rust writes the shortest decimal that reads as the same number, and no exponent.
        number
            .to_string()
            .parse()
            .map_err(|_: InvalidConfig| E::invalid_value(de::Unexpected::Float(number), &self))
    }
}
