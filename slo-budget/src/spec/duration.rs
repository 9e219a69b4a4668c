//! Durations as Prometheus writes them: `5m`, `1h30m`, `30d`, `2w`, `250ms`.

use std::{fmt, time::Duration};

/// In milliseconds, Prometheus' finest unit.
const UNITS: [(&str, u64); 7] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
    ("y", 31_536_000_000),
];

/// Reads `1h30m`: whole numbers with units, larger ones first, each at most once. `None` for anything else, for
/// zero, and beyond 290 years.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut millis = 0_u64;
    let mut below = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        if length >= below {
            return None;
        }
        below = length;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
        rest = after;
    }
    (millis > 0 && millis < 290 * 365 * 86_400_000).then(|| Duration::from_millis(millis))
}

/// In days, hours, minutes, seconds and milliseconds, which Prometheus reads everywhere.
#[derive(Clone, Copy)]
pub(crate) struct Written(pub(crate) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        for (unit, length) in UNITS.into_iter().rev().skip(2) {
            let count = rest / u128::from(length);
            rest %= u128::from(length);
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_writes_them() {
        for (text, millis, written) in [
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("250ms", 250, "250ms"),
            ("4w", 2_419_200_000, "28d"),
            ("1d1ms", 86_400_001, "1d1ms"),
            ("2500ms", 2500, "2s500ms"),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(Written(duration).to_string(), written);
            assert_eq!(parse(written), Some(duration));
        }
        for wrong in [
            "",
            "5",
            "m",
            "5 m",
            "1.5h",
            "-1m",
            "0s",
            "5m1h",
            "5m5m",
            "5min",
            "5M",
            "1h ",
            "999y",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
