//! Numbers and durations, for people and for Prometheus.

use std::{fmt, time::Duration};

use crate::types::{Window, duration::units};

/// The limit of Prometheus, which counts durations in 63 bits of nanoseconds: 290 years.
const MOST: Duration = Duration::from_secs(290 * 365 * 86_400);

/// Reads a [`Window`]. `None` for anything else, and from 290 years on.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let window: Window = text.parse().ok()?;
    Some(window.into()).filter(|time| *time < MOST)
}

/// Writes a duration in days, hours, minutes, seconds and milliseconds, as Prometheus reads it everywhere: `1h30m`.
#[derive(Clone, Copy)]
pub(super) struct Written(pub(super) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        units(self.0, "", f)
    }
}

/// At most four decimals, or eight below 0.01, for people.
pub(super) fn human(number: f64) -> String {
    let places = if number < 0.01 { 8 } else { 4 };
    trimmed(&format!("{number:.places$}")).to_owned()
}

/// The text of a number with decimals, without zeros at its end.
fn trimmed(text: &str) -> &str {
    text.trim_end_matches('0').trim_end_matches('.')
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus computes with f64")]
pub(super) fn float(numerator: u128, denominator: u128) -> f64 {
    numerator as f64 / denominator as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_prometheus_reads_them() {
        for (text, written) in [
            ("1h 30m", "1h30m"),
            ("90m", "1h30m"),
            ("4w", "28d"),
            ("1d1ms", "1d1ms"),
            ("2500ms", "2s500ms"),
            ("105849d", "105849d"),
        ] {
            let time = parse_duration(text).unwrap();
            assert_eq!(Written(time).to_string(), written);
            assert_eq!(parse_duration(written), Some(time));
        }
        for wrong in ["", "0s", "5", "1.5h", "105850d", "999999999999w"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_have_no_trailing_zeros() {
        for (number, written) in [
            (14.4, "14.4"),
            (14.0 / 15.0, "0.9333"),
            (6.0, "6"),
            (0.001, "0.001"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(human(number), written);
        }
    }
}
