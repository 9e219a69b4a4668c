//! Durations as people write them.

use std::{fmt, time::Duration};

/// In nanoseconds, each after those whose letters it begins with.
const UNITS: [(&str, u128); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// What [`Duration::MAX`] is called.
const UNLIMITED: &str = "unlimited";

/// Reads `250ms`, `1.5s`, `1m 30s`, `unlimited`: numbers, each with its unit, that are added up. `None` when
/// it is something else, or too long. Below a nanosecond it is rounded down.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == UNLIMITED {
        return Some(Duration::MAX);
    }
    let mut nanos = 0_u128;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(scaled(number, unit)?)?;
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    let below = u32::try_from(nanos % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, below))
}

/// So many units, with a fraction or without.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // An `f64` would get 0.1 s wrong by a nanosecond now and then.
    let whole = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    let places = u32::try_from(fraction.len()).ok()?;
    let fraction = fraction.parse::<u128>().ok()?.checked_mul(unit)?;
    whole.checked_add(fraction / 10_u128.checked_pow(places)?)
}

/// Writes a duration so that [`parse`] reads the same: in the largest unit up to the hour of which it is a
/// whole number.
pub(super) struct Written(pub(super) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::MAX {
            return f.write_str(UNLIMITED);
        }
        let nanos = self.0.as_nanos();
        let (name, unit) = ["h", "m", "s", "ms", "us", "ns"]
            .iter()
            .filter_map(|name| UNITS.into_iter().find(|(unit, _)| unit == name))
            .find(|(_, unit)| nanos % unit == 0 && nanos >= *unit)
            .unwrap_or(("s", 1_000_000_000));
        write!(f, "{}{name}", nanos / unit)
    }
}
