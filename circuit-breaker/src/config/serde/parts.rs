//! The parts of a configuration that have a form of their own in a file.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
    ser,
};

use super::{duration, human, share, written};
use crate::{OnCancel, Probes, Ramp, Wait, Window, config::window::Span, wait::Jitter};

// === Window: "10s", "100 calls" ===

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Span::Time(length) => written(&length, to),
            Span::Calls(1) => to.serialize_str("1 call"),
            Span::Calls(calls) => to.collect_str(&format_args!("{calls} calls")),
        }
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Window;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "in `window` a duration such as \"10s\", or calls such as \"100 calls\"",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Window, E> {
                let window = match text.trim_end().trim_end_matches('s').strip_suffix("call") {
                    Some(calls) => calls.trim().parse().ok().map(Window::calls),
                    None => human::parse(text).map(Window::time),
                };
                window.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Read)
    }
}

// === Wait: "5s", { first: "1s", cap: "1m", jitter: 0.2 } ===

#[derive(Deserialize, Serialize)]
#[serde(rename = "wait in open", deny_unknown_fields)]
struct Steps {
    #[serde(deserialize_with = "first", serialize_with = "written")]
    first: Duration,
    #[serde(
        default,
        deserialize_with = "cap",
        serialize_with = "super::written_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    cap: Option<Duration>,
    #[serde(
        default,
        deserialize_with = "jitter",
        skip_serializing_if = "Option::is_none"
    )]
    jitter: Option<f64>,
}

fn first<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration("first", from)
}

fn cap<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration("cap", from).map(Some)
}

fn jitter<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    share("jitter", from).map(Some)
}

impl Serialize for Wait {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let jitter = match self.jitter {
            Jitter::None => None,
            Jitter::Share(share) => Some(share.as_f64()),
            Jitter::Invalid => {
                return Err(ser::Error::custom(
                    "a jitter that is no share cannot be written down",
                ));
            }
        };
        let cap = (self.cap != self.first).then_some(self.cap);
        if jitter.is_none() && cap.is_none() {
            return written(&self.first, to);
        }
        let first = self.first;
        Steps { first, cap, jitter }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Wait;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "in `wait_in_open` a duration such as \"5s\", or `first`, `cap` and `jitter`",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wait, E> {
                let wait = human::parse(text).map(Wait::fixed);
                wait.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Wait, A::Error> {
                let steps = Steps::deserialize(MapAccessDeserializer::new(map))?;
                let wait = Wait::exponential(steps.first, steps.cap.unwrap_or(steps.first));
                Ok(match steps.jitter {
                    Some(share) => wait.jitter(share),
                    None => wait,
                })
            }
        }
        from.deserialize_any(Read)
    }
}

// === Ramp: "10s", { step: "10s", percent: [10, 25, 50] } ===

#[derive(Deserialize, Serialize)]
#[serde(rename = "ramp", deny_unknown_fields)]
struct Slope {
    #[serde(deserialize_with = "step", serialize_with = "written")]
    step: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<Vec<u8>>,
}

fn step<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration("step", from)
}

impl Serialize for Ramp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Some(shares) = self.shares else {
            return Err(ser::Error::custom(
                "a ramp whose shares do not rise cannot be written down",
            ));
        };
        if *self == Self::new(self.step) {
            return written(&self.step, to);
        }
        let percent = shares.into_iter().filter(|share| *share > 0).collect();
        Slope {
            step: self.step,
            percent: Some(percent),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Ramp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Ramp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("in `ramp` a duration such as \"10s\", or `step` and `percent`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ramp, E> {
                let ramp = human::parse(text).map(Ramp::new);
                ramp.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ramp, A::Error> {
                let slope = Slope::deserialize(MapAccessDeserializer::new(map))?;
                let ramp = Ramp::new(slope.step);
                Ok(match slope.percent {
                    Some(shares) => ramp.percent(&shares),
                    None => ramp,
                })
            }
        }
        from.deserialize_any(Read)
    }
}

// === Probes: 3, { results: 10, in_flight: 2 }, { successes: 2, of: 3 } ===

#[derive(Default, Deserialize, Serialize)]
#[serde(rename = "probes", deny_unknown_fields, default)]
struct Rule {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "results")]
    results: Option<u32>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "successes"
    )]
    successes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "of")]
    of: Option<u32>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "in_flight"
    )]
    in_flight: Option<u32>,
}

macro_rules! counts {
    ($($name:ident),*) => {$(
        fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
            super::count(stringify!($name), from).map(Some)
        }
    )*};
}
counts!(results, successes, of, in_flight);

impl Serialize for Probes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let usual = Self::results(self.results);
        if *self == usual {
            return to.serialize_u32(self.results);
        }
        let rule = Rule {
            results: self.successes.is_none().then_some(self.results),
            successes: self.successes,
            of: self.successes.map(|_| self.results),
            in_flight: (self.in_flight != usual.in_flight).then_some(self.in_flight),
        };
        rule.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Probes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Probes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "in `probes` a number of results, or either `results` or `successes` and `of`, with `in_flight` if you like",
                )
            }

            fn visit_u64<E: de::Error>(self, results: u64) -> Result<Probes, E> {
                let count = u32::try_from(results);
                count
                    .map(Probes::results)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(results), &self))
            }

            fn visit_i64<E: de::Error>(self, results: i64) -> Result<Probes, E> {
                let count = u32::try_from(results);
                count
                    .map(Probes::results)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(results), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Probes, A::Error> {
                let rule = Rule::deserialize(MapAccessDeserializer::new(map))?;
                let probes = match (rule.results, rule.successes, rule.of) {
                    (Some(results), None, None) => Probes::results(results),
                    (None, Some(needed), Some(of)) => Probes::successes(needed, of),
                    _ => return Err(de::Error::invalid_value(de::Unexpected::Map, &self)),
                };
                Ok(match rule.in_flight {
                    Some(limit) => probes.in_flight(limit),
                    None => probes,
                })
            }
        }
        from.deserialize_any(Read)
    }
}

// === OnCancel: "failure" ===

const ON_CANCEL: [(&str, OnCancel); 3] = [
    ("ignored", OnCancel::Ignored),
    ("failure", OnCancel::Failure),
    ("failure_if_slow", OnCancel::FailureIfSlow),
];

impl Serialize for OnCancel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let named = ON_CANCEL.iter().find(|(_, on_cancel)| on_cancel == self);
        let (name, _) = named.expect("each of them has a name");
        to.serialize_str(name)
    }
}

impl<'de> Deserialize<'de> for OnCancel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = OnCancel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("in `on_cancel` \"ignored\", \"failure\" or \"failure_if_slow\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OnCancel, E> {
                let named = ON_CANCEL.into_iter().find(|(name, _)| *name == text);
                named
                    .map(|(_, on_cancel)| on_cancel)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Read)
    }
}
