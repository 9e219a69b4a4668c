//! Durations as ticks, and as people say them.

use std::{fmt, str::FromStr, time::Duration};

use crate::InvalidConfig;

/// A length of time as people write windows and periods: `5m`, `1h 30m`, `28d`, `4w`.
///
/// Read by [`FromStr`]: numbers with a unit each, added up, the largest unit first: `w`, `d`, `h`, `m`, `s`. A week is 7 days and a
/// day 24 hours; for days as calendars have them see `Calendar`, of the feature `calendar`.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, Window};
/// use std::time::Duration;
///
/// let window: Window = "1h 30m".parse()?;
/// assert_eq!(Duration::from(window), Duration::from_secs(5400));
/// assert_eq!("4w".parse::<Window>()?.to_string(), "28d");
/// let budget = ErrorBudget::builder().period("28d".parse::<Window>()?.into()).build("api")?;
/// # let _ = budget;
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(Duration);

/// The largest first.
const UNITS: [(u8, u64); 5] = [
    (b'w', 604_800),
    (b'd', 86_400),
    (b'h', 3600),
    (b'm', 60),
    (b's', 1),
];

impl Window {
    fn read(text: &str) -> Option<Self> {
        let mut units = UNITS.iter();
        let mut seconds = 0_u64;
        let mut rest = text.trim();
        // At least one, and none of them twice.
        while !rest.is_empty() || seconds == 0 {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().ok()?;
            let unit = *rest.as_bytes().get(digits)?;
            let (_, length) = units.find(|(name, _)| *name == unit)?;
            seconds = seconds.checked_add(number.checked_mul(*length)?)?;
            rest = rest[digits + 1..].trim_start();
        }
        Some(Self(Duration::from_secs(seconds)))
    }
}

impl FromStr for Window {
    type Err = InvalidConfig;

    /// Reads `1h 30m`, with or without the space.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig::Window`] for anything else, for zero, and for more than fits.
    fn from_str(text: &str) -> Result<Self, InvalidConfig> {
        Self::read(text).ok_or(InvalidConfig::Window)
    }
}

impl From<Window> for Duration {
    fn from(window: Window) -> Self {
        window.0
    }
}

impl fmt::Display for Window {
    /// In days, hours, minutes and seconds; what it shows is read as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        let mut space = "";
        for (unit, length) in &UNITS[1..] {
            if rest >= *length {
                write!(f, "{space}{}{}", rest / length, char::from(*unit))?;
                rest %= length;
                space = " ";
            }
        }
        Ok(())
    }
}

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
    fn windows_are_read_as_people_write_them_and_written_so_that_they_are_read_again() {
        for (text, seconds, shown) in [
            ("5m", 300, "5m"),
            ("1h30m", 5400, "1h 30m"),
            (" 1h 30m ", 5400, "1h 30m"),
            ("28d", 2_419_200, "28d"),
            ("4w", 2_419_200, "28d"),
            ("1w 2d 3h 4m 5s", 788_645, "9d 3h 4m 5s"),
            ("90m", 5400, "1h 30m"),
            ("0h 5m", 300, "5m"),
        ] {
            let window: Window = text.parse().expect(text);
            assert_eq!(Duration::from(window).as_secs(), seconds, "{text}");
            assert_eq!(window.to_string(), shown);
            assert_eq!(shown.parse(), Ok(window));
        }
        for wrong in [
            "",
            " ",
            "5",
            "m",
            "5 m",
            "5M",
            "-5m",
            "1.5h",
            "30m 1h",
            "1h 1h",
            "1h,30m",
            "1mo",
            "1y",
            "0m",
            "5mü",
            "ü",
            "99999999999999999999d",
            "30500568904944w",
        ] {
            assert_eq!(
                wrong.parse::<Window>(),
                Err(InvalidConfig::Window),
                "{wrong}"
            );
        }
    }

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
