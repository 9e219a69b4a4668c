//! Durations as ticks, and as people say them.

use std::{fmt, time::Duration};

/// Nanoseconds; 584 years at most.
pub(crate) fn ticks(duration: Duration) -> u64 {
    // Not `as_nanos`: 64 bits are enough, on the path of every record.
    (duration.as_secs().saturating_mul(1_000_000_000))
        .saturating_add(u64::from(duration.subsec_nanos()))
}

/// Shows `1h`, `30d`, `1d 6h`: the two largest units, or what `Duration` shows below a minute.
pub(crate) struct Spoken(pub(crate) Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            return write!(f, "{:?}", self.0);
        }
        let mut rest = seconds;
        let mut shown = 0;
        for (length, unit) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
            let count = rest / length;
            rest %= length;
            if count > 0 && shown < 2 {
                let space = if shown == 0 { "" } else { " " };
                write!(f, "{space}{count}{unit}")?;
                shown += 1;
            } else if shown > 0 {
                // Nothing after a gap: `1d 3s` would say more than anybody asks.
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_nanoseconds_and_saturate() {
        assert_eq!(ticks(Duration::new(3, 7)), 3_000_000_007);
        assert_eq!(ticks(Duration::from_nanos(u64::MAX)), u64::MAX);
        assert_eq!(
            ticks(Duration::from_secs(u64::MAX / 1_000_000_000 + 1)),
            u64::MAX
        );
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }

    #[test]
    fn durations_read_as_they_are_spoken() {
        for (seconds, spoken) in [
            (5, "5s"),
            (60, "1m"),
            (300, "5m"),
            (3600, "1h"),
            (90_000, "1d 1h"),
            (86_403, "1d"),
            (93_784, "1d 2h"),
            (2_592_000, "30d"),
        ] {
            assert_eq!(Spoken(Duration::from_secs(seconds)).to_string(), spoken);
        }
        assert_eq!(Spoken(Duration::from_millis(250)).to_string(), "250ms");
    }
}
