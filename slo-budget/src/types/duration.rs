//! Durations as ticks, and as people say them.

use std::{fmt, str::FromStr, time::Duration};

use crate::types::InvalidConfig;

/// A length of time as people write windows and periods, and as Prometheus does: `5m`, `1h 30m`, `28d`, `4w`, `250ms`.
///
/// Read by [`FromStr`]: whole numbers with a unit each, added up, the largest unit first: `w`, `d`, `h`, `m`, `s`, `ms`. A week is 7 days and a
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

/// In milliseconds, the largest first.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl Window {
    fn read(text: &str) -> Option<Self> {
        let mut units = UNITS.iter();
        let mut millis = 0_u64;
        let mut rest = text.trim();
        // At least one, and none of them twice.
        while !rest.is_empty() || millis == 0 {
            let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
            let letters = after.find(|c: char| !c.is_ascii_alphabetic());
            let (unit, after) = after.split_at(letters.unwrap_or(after.len()));
            let (_, length) = units.find(|(name, _)| *name == unit)?;
            let number: u64 = number.parse().ok()?;
            millis = millis.checked_add(number.checked_mul(*length)?)?;
            rest = after.trim_start();
        }
        Some(Self(Duration::from_millis(millis)))
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
    /// In days, hours, minutes, seconds and milliseconds; what it shows is read as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        units(self.0, " ", f)
    }
}

/// Days, hours and so on, as far as there are any, with a `gap` between.
pub(crate) fn units(time: Duration, gap: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = time.as_millis();
    let mut before = "";
    for (unit, length) in &UNITS[1..] {
        let count = rest / u128::from(*length);
        rest %= u128::from(*length);
        if count > 0 {
            write!(f, "{before}{count}{unit}")?;
            before = gap;
        }
    }
    Ok(())
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
        for (text, millis, shown) in [
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h 30m"),
            (" 1h 30m ", 5_400_000, "1h 30m"),
            ("28d", 2_419_200_000, "28d"),
            ("4w", 2_419_200_000, "28d"),
            ("1w 2d 3h 4m 5s 6ms", 788_645_006, "9d 3h 4m 5s 6ms"),
            ("90m", 5_400_000, "1h 30m"),
            ("0h 5m", 300_000, "5m"),
            ("250ms", 250, "250ms"),
            ("2500ms", 2500, "2s 500ms"),
        ] {
            let window: Window = text.parse().expect(text);
            assert_eq!(Duration::from(window).as_millis(), millis, "{text}");
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
            "1us",
            "1ms 1s",
            "5min",
            "0m",
            "5mü",
            "ü",
            "99999999999999999999d",
            "30500568905w",
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
