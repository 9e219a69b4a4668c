//! Lengths of time: as ticks, and as people write them.

use std::{fmt, str::FromStr, time::Duration};

use crate::types::{InvalidConfig, InvalidConfigKind};

/// A length of time as people and Prometheus write it: `5m`, `1h 30m`, `28d`, `4w`, `250ms`.
///
/// Read by [`FromStr`]: whole numbers with the units `w`, `d`, `h`, `m`, `s` and `ms`, the largest unit first. A week
/// has 7 days and a day 24 hours; for the days of a calendar see `Calendar`, in the feature `calendar`.
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
    /// The longest time in days that is read.
    #[cfg(feature = "serde")]
    pub(crate) const MOST_DAYS: u64 = u64::MAX / 86_400_000;

    fn read(text: &str) -> Option<Self> {
        let mut units = UNITS.iter();
        let mut millis = 0_u64;
        let mut rest = text.trim();
        // At least one unit, and none twice.
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
    /// [`InvalidConfigKind::Window`] for anything else, for zero, and for more than fits.
    fn from_str(text: &str) -> Result<Self, InvalidConfig> {
        Self::read(text).ok_or(InvalidConfigKind::Window.unnamed())
    }
}

impl From<Window> for Duration {
    fn from(window: Window) -> Self {
        window.0
    }
}

impl fmt::Display for Window {
    /// In days, hours, minutes, seconds and milliseconds; reading the text gives the same window.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        units(self.0, " ", f)
    }
}

/// Writes days, hours, minutes, seconds and milliseconds that are not zero, with `gap` in between.
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

/// A length of time in nanoseconds, at most 584 years.
pub(crate) fn ticks(duration: Duration) -> u64 {
    // Not `as_nanos`: 64 bits are enough, and every event comes here.
    (duration.as_secs().saturating_mul(1_000_000_000))
        .saturating_add(u64::from(duration.subsec_nanos()))
}

/// Displays `1h`, `30d`, `1d 6h`: the two largest units; below a minute as `Duration`.
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
                // Nothing after a gap: `1d 3s` is more precise than useful.
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
    fn a_window_that_is_written_reads_as_the_same() {
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
                Err(InvalidConfigKind::Window.unnamed()),
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
    fn a_spoken_duration_has_two_units() {
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
