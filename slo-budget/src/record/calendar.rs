//! The feature `calendar`: where the periods of a calendar begin and end.

use std::{fmt, sync::Arc};

use jiff::{
    Span, Timestamp,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::{file::Text, record::period::Periods, types::InvalidConfigKind};

/// A calendar period for a budget: the current month, quarter or week in a time zone.
///
/// With [`Builder::calendar`](crate::Builder::calendar) the budget covers the current period and is full again when
/// the next one begins, at midnight in the time zone. Daylight saving time and the lengths of months are respected,
/// and the counts are exact to the event.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Calendar, Counts, ErrorBudget, Event};
/// use std::time::Duration;
/// use tokio::time::{Instant, advance};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // 22:59:50 UTC on the last of January is ten seconds to midnight in Berlin.
/// let wall = Duration::from_secs(1_769_900_390);
/// let builder = ErrorBudget::builder().calendar(Calendar::month("Europe/Berlin"));
/// let (budget, _) = builder.restore("api", &[], wall)?;
/// budget.record(Event::Bad);
/// assert_eq!(budget.report().period().counts(), Counts::new(0, 1));
/// assert_eq!(budget.report().period().window(), Duration::from_secs(31 * 24 * 3600));
/// advance(Duration::from_secs(10)).await;
/// budget.record(Event::Good);
/// assert_eq!(budget.report().period().counts(), Counts::new(1, 0));
/// assert_eq!(budget.report().period().window(), Duration::from_secs(28 * 24 * 3600));
/// # Ok(())
/// # }
/// ```
#[doc(alias("timeWindow", "isRolling"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "Written", into = "Written")
)]
pub struct Calendar {
    unit: Unit,
    zone: Text,
}

/// How a file writes a calendar: `{ month = "Europe/Berlin" }`.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(rename = "calendar", rename_all = "snake_case")]
enum Written {
    Month(#[serde(deserialize_with = "crate::file::text")] Text),
    Quarter(#[serde(deserialize_with = "crate::file::text")] Text),
    Week(#[serde(deserialize_with = "crate::file::text")] Text),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Week,
    Month,
    Quarter,
}

/// A calendar with the rules of its time zone.
#[derive(Debug)]
struct Zoned {
    calendar: Calendar,
    zone: TimeZone,
}

const DAY: u64 = 24 * 3600 * 1_000_000_000;

// === impl Calendar ===

impl Calendar {
    /// Months in the time zone with this IANA name, such as `"Europe/Berlin"` or `"UTC"`. Building the budget fails
    /// if the name is unknown.
    #[must_use]
    pub const fn month(zone: &'static str) -> Self {
        Self {
            unit: Unit::Month,
            zone,
        }
    }

    /// Quarters, which begin on the first of January, April, July and October.
    #[must_use]
    pub const fn quarter(zone: &'static str) -> Self {
        Self {
            unit: Unit::Quarter,
            zone,
        }
    }

    /// Weeks, which begin on Monday (ISO 8601).
    #[must_use]
    pub const fn week(zone: &'static str) -> Self {
        Self {
            unit: Unit::Week,
            zone,
        }
    }

    /// The length that shares and factors are computed with.
    pub(crate) const fn nominal(self) -> u64 {
        match self.unit {
            Unit::Week => 7 * DAY,
            Unit::Month => 30 * DAY,
            Unit::Quarter => 91 * DAY,
        }
    }

    pub(crate) fn periods(self) -> Result<Arc<dyn Periods>, InvalidConfigKind> {
        let zone = TimeZone::get(self.zone).map_err(|_| InvalidConfigKind::TimeZone)?;
        Ok(Arc::new(Zoned {
            calendar: self,
            zone,
        }))
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} in {}", self.unit.name(), self.zone)
    }
}

#[cfg(feature = "serde")]
impl From<Written> for Calendar {
    fn from(written: Written) -> Self {
        match written {
            Written::Month(zone) => Self::month(zone),
            Written::Quarter(zone) => Self::quarter(zone),
            Written::Week(zone) => Self::week(zone),
        }
    }
}

#[cfg(feature = "serde")]
impl From<Calendar> for Written {
    fn from(Calendar { unit, zone }: Calendar) -> Self {
        match unit {
            Unit::Week => Self::Week(zone),
            Unit::Month => Self::Month(zone),
            Unit::Quarter => Self::Quarter(zone),
        }
    }
}

// === impl Unit ===

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    /// The first day of the period that contains `day`, and of the next one.
    fn around(self, day: Date) -> Result<(Date, Date), jiff::Error> {
        let (first, length) = match self {
            Self::Week => {
                let back = i64::from(day.weekday().since(Weekday::Monday));
                (
                    day.checked_sub(Span::new().days(back))?,
                    Span::new().weeks(1),
                )
            }
            Self::Month => (day.first_of_month(), Span::new().months(1)),
            Self::Quarter => {
                let first = day.first_of_month();
                let back = i64::from((first.month() - 1) % 3);
                (
                    first.checked_sub(Span::new().months(back))?,
                    Span::new().months(3),
                )
            }
        };
        Ok((first, first.checked_add(length)?))
    }
}

// === impl Zoned ===

impl Periods for Zoned {
    fn around(&self, wall: u64) -> (u64, u64) {
        // 64 bits end in the year 2554: a period that ends later is the last one.
        let (start, end) = self.try_around(wall).unwrap_or((wall, u64::MAX));
        (start.min(wall), end)
    }

    fn names(&self) -> (&'static str, &'static str) {
        (self.calendar.unit.name(), self.calendar.zone)
    }
}

impl Zoned {
    fn try_around(&self, wall: u64) -> Option<(u64, u64)> {
        let now = Timestamp::from_nanosecond(wall.into()).ok()?;
        let day = now.to_zoned(self.zone.clone()).date();
        let (mut first, mut next) = self.calendar.unit.around(day).ok()?;
        // Midnight. If the clocks skip it: the first moment of the day. If it comes twice: the first time.
        let at = |day: Date| {
            let midnight = self.zone.to_ambiguous_zoned(day.at(0, 0, 0, 0));
            midnight
                .compatible()
                .ok()
                .map(|at| at.timestamp().as_nanosecond())
        };
        if at(next)? <= i128::from(wall) {
            // Clocks that go back over midnight show the last day again after the next period has begun.
            (first, next) = self.calendar.unit.around(next).ok()?;
        }
        let start = u64::try_from(at(first)?).unwrap_or(0);
        Some((start, u64::try_from(at(next)?).ok()?))
    }
}
