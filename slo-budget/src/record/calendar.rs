//! The only file that knows the feature `calendar`, and `jiff`: where periods of the calendar begin and end.

use std::{fmt, time::Duration};

use jiff::{
    Span, Timestamp, Zoned,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::{builder::Builder, history::bytes::checksum, types::InvalidConfig};

/// A period of the calendar that a budget is for: this month, quarter or week, as people reckon in their time zone.
///
/// With [`Builder::calendar`] the budget is that of the period which is going on, and is whole again when the next begins: at midnight
/// there, by clocks that change twice a year and months of 28 to 31 days. The counts are to the event.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    unit: Unit,
    zone: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Week,
    Month,
    Quarter,
}

/// The periods of a calendar, with what its zone's clocks show.
#[derive(Clone, Debug)]
pub(crate) struct Periods {
    calendar: Calendar,
    zone: TimeZone,
}

const DAY: u64 = 24 * 3600 * 1_000_000_000;

impl Builder {
    /// The budget of a period of the calendar, in place of the time just past. It sets [`period`](Self::period), which shares and
    /// factors of [pages](crate::Page) and [rules](crate::AlertRule) go by, to what such a period is reckoned to last: 7, 30 or 91 days.
    /// Windows slide as ever, and reach as far as the rings do.
    ///
    /// The wall clock is read when the budget is built ([`restore`](Self::restore) is told it), and then followed by the monotonic
    /// one, with what the machine slept and by how much it was set added: to within a slot, or a second if that is more.
    ///
    /// Where the process began within a period, or restored a history that did not follow this calendar, it is seen in part:
    /// [`coverage`](crate::WindowReport::coverage) says how much of it.
    pub const fn calendar(self, calendar: Calendar) -> Self {
        let mut follows = self.period(Duration::from_nanos(calendar.unit.nominal()));
        follows.calendar = Some(calendar);
        follows
    }
}

// === impl Calendar ===

impl Calendar {
    /// Months in the time zone of this name: `"Europe/Berlin"`, `"UTC"`. A name that is not known is refused when the budget is built.
    #[must_use]
    pub const fn month(zone: &'static str) -> Self {
        Self {
            unit: Unit::Month,
            zone,
        }
    }

    /// Quarters, from the first of January, April, July and October on.
    #[must_use]
    pub const fn quarter(zone: &'static str) -> Self {
        Self {
            unit: Unit::Quarter,
            zone,
        }
    }

    /// Weeks, from Monday on (ISO 8601).
    #[must_use]
    pub const fn week(zone: &'static str) -> Self {
        Self {
            unit: Unit::Week,
            zone,
        }
    }

    pub(crate) fn periods(self) -> Result<Periods, InvalidConfig> {
        let zone = TimeZone::get(self.zone).map_err(|_| InvalidConfig::TimeZone)?;
        Ok(Periods {
            calendar: self,
            zone,
        })
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Quarter => "quarter",
        };
        write!(f, "the {unit} in {}", self.zone)
    }
}

// === impl Unit ===

impl Unit {
    const fn nominal(self) -> u64 {
        match self {
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
            Self::Quarter => 91 * DAY,
        }
    }

    /// The first day of the period that holds `day`, and that of the next.
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

// === impl Periods ===

impl Periods {
    /// When the period begins that `wall` is in, and when it ends, in nanoseconds since the Unix epoch.
    pub(crate) fn around(&self, wall: u64) -> (u64, u64) {
        // A period that ends after the year 2554, where 64 bits do, is the last.
        let (start, end) = self.try_around(wall).unwrap_or((wall, u64::MAX));
        (start.min(wall), end)
    }

    fn try_around(&self, wall: u64) -> Option<(u64, u64)> {
        let now = Timestamp::from_nanosecond(wall.into()).ok()?;
        let day = Zoned::new(now, self.zone.clone()).date();
        let (mut first, mut next) = self.calendar.unit.around(day).ok()?;
        // Midnight; where the clocks skip it, the first moment of the day; where it comes twice, the first.
        let at = |day: Date| {
            let midnight = self.zone.to_ambiguous_zoned(day.at(0, 0, 0, 0));
            midnight
                .compatible()
                .ok()
                .map(|at| at.timestamp().as_nanosecond())
        };
        if at(next)? <= i128::from(wall) {
            // Clocks that go back over midnight show the last of a period after the next has begun; it has, and stays so.
            (first, next) = self.calendar.unit.around(next).ok()?;
        }
        let start = u64::try_from(at(first)?).unwrap_or(0);
        Some((start, u64::try_from(at(next)?).ok()?))
    }

    pub(crate) const fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// Tells calendars apart, over a restart.
    pub(crate) fn fingerprint(&self) -> u64 {
        checksum(self.calendar.to_string().as_bytes())
    }
}
