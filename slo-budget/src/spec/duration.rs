//! Durations as Prometheus writes them: `5m`, `1h30m`, `30d`, `250ms`.

use std::{fmt, time::Duration};

use crate::types::{Window, duration::units};

/// Where Prometheus ends, which counts 63 bits of nanoseconds: 290 years.
const MOST: Duration = Duration::from_secs(290 * 365 * 86_400);

/// Reads a [`Window`]. `None` for anything else, and from 290 years on.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let window: Window = text.parse().ok()?;
    Some(window.into()).filter(|time| *time < MOST)
}

/// In days, hours, minutes, seconds and milliseconds, which Prometheus reads everywhere.
#[derive(Clone, Copy)]
pub(crate) struct Written(pub(crate) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        units(self.0, "", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_prometheus_reads_them_and_end_where_it_does() {
        for (text, written) in [
            ("1h 30m", "1h30m"),
            ("90m", "1h30m"),
            ("4w", "28d"),
            ("1d1ms", "1d1ms"),
            ("2500ms", "2s500ms"),
            ("105849d", "105849d"),
        ] {
            let time = parse(text).unwrap();
            assert_eq!(Written(time).to_string(), written);
            assert_eq!(parse(written), Some(time));
        }
        for wrong in ["", "0s", "5", "1.5h", "105850d", "999999999999w"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
