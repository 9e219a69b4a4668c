use std::time::Duration;

use crate::{
    budget::{ErrorBudget, Settings},
    family::ErrorBudgets,
    history::{Restored, bytes::checksum},
    record::{Budgeting, calendar::Calendar, rings::SPAN},
    types::{Event, InvalidConfig, Objective, duration::ticks},
};

/// The numbers of an error budget. `Copy`, and usable in a `const`.
///
/// Made by [`ErrorBudget::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    objective: Objective,
    period: Duration,
    resolution: Duration,
    windows: Option<Few<Duration>>,
    on_cancel: Event,
    meaning: &'static str,
    budgeting: Budgeting,
    pub(crate) calendar: Option<Calendar>,
}

/// Up to four of something, in order; `None` where more were given.
pub(crate) type Few<T> = Option<[Option<T>; 4]>;

/// The usual promise of an internal service: 43 minutes of outage in 30 days.
const THREE_NINES: Objective = Objective::new(999, 1000).expect("999 of 1000");
/// Four weeks and a bit: what the Workbook's factors (14.4 and 6) are for.
const DEFAULT_PERIOD: Duration = Duration::from_secs(30 * 24 * 3600);
/// A thirtieth of the shortest window that anybody alerts on; with it the coarsest ring reaches 30 days.
const DEFAULT_RESOLUTION: Duration = Duration::from_secs(10);
/// The slots of the default windows: 1 h, 6 h and 24 h at the default resolution.
pub(crate) const DEFAULT_WINDOWS: [u32; 3] = [360, 2160, 8640];

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            objective: THREE_NINES,
            period: DEFAULT_PERIOD,
            resolution: DEFAULT_RESOLUTION,
            windows: None,
            on_cancel: Event::Excluded,
            meaning: "",
            budgeting: Budgeting::OCCURRENCES,
            calendar: None,
        }
    }

    /// The share of events that are to be good. The default is 99.9 %.
    pub const fn objective(self, objective: Objective) -> Self {
        Self { objective, ..self }
    }

    /// The time that the budget is for, always the one just past. The default is 30 days, and it may be as
    /// long as 259,200 times the resolution, which is the same.
    pub const fn period(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// The finest slot of the history: windows fall short by less than one. The default is 10 s.
    ///
    /// Memory is the same whatever it is: a finer one keeps less time. All tiers scale with it (1, 6, 30
    /// and 360 slots, kept for 360, 2,160, 25,920 and 259,200), and so do the default windows and
    /// [pages](crate::Page): what is called 1 h is 360 slots.
    pub const fn resolution(self, resolution: Duration) -> Self {
        Self { resolution, ..self }
    }

    /// Everything in the proportions of 30 days, but within `period`: sets period and resolution. For tests
    /// and demonstrations, in which a month passes in half an hour, and an hour in 2.5 seconds.
    pub const fn compressed(self, period: Duration) -> Self {
        Self {
            period,
            resolution: match period.checked_div(SPAN) {
                Some(resolution) => resolution,
                None => Duration::ZERO,
            },
            ..self
        }
    }

    /// The windows of which [`report`](ErrorBudget::report) gives the burn rate, at most four. The default
    /// are those of 1 h, 6 h and 24 h (360, 2,160 and 8,640 slots) that fit the period.
    pub const fn windows<const N: usize>(self, windows: [Duration; N]) -> Self {
        Self {
            windows: Some(few(windows)),
            ..self
        }
    }

    /// What an [`Observation`](crate::Observation) that is dropped unsaid counts as: a call that was
    /// cancelled. The default is [`Event::Excluded`], as most are the client's doing; [`Event::Bad`] where
    /// a timeout outside cancels what is too slow.
    ///
    /// A panic is always bad.
    pub const fn on_cancel(self, event: Event) -> Self {
        Self {
            on_cancel: event,
            ..self
        }
    }

    /// What good and bad mean, in your words or numbers (`"5xx, or slower than 250 ms"`): a history that was
    /// counted under another meaning is not restored, as adding the two would mean nothing. The default is
    /// the empty text.
    pub const fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// What is counted: each event, which is the default, or slices of time by the events in them.
    pub const fn budgeting(self, budgeting: Budgeting) -> Self {
        Self { budgeting, ..self }
    }

    /// Builds a budget that goes on with the history in `bytes` (of a file, say), if that is of use, and begins
    /// empty if not; which of the two is said.
    ///
    /// Objective, period and windows may be others than before; [`resolution`](Self::resolution),
    /// [`budgeting`](Self::budgeting) and [`meaning`](Self::meaning) may not. `wall` is the time since the Unix epoch: between when the history
    /// was made and now nothing was counted. A wall clock that went back counts as no time passed.
    ///
    /// A [`Gate`](crate::Gate) on it begins open, and decides at its first check.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); not for what is in `bytes`.
    pub fn restore(
        self,
        name: &'static str,
        bytes: &[u8],
        wall: Duration,
    ) -> Result<(ErrorBudget, Restored), InvalidConfig> {
        Ok(ErrorBudget::restoring(name, self.settings()?, bytes, wall))
    }

    /// Builds a budget of its own, which shares counts with no other.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the period or resolution is zero, the period longer than 259,200 slots (where no
    /// calendar keeps it), a window longer than the period or than 259,200 slots, shorter than two slots or slices, or the fifth;
    /// when a slice is no whole number of slots, or longer than half of the period; when a time zone is not known.
    pub fn build(self, name: &'static str) -> Result<ErrorBudget, InvalidConfig> {
        Ok(ErrorBudget::of(name, self.settings()?))
    }

    /// Builds a family: a budget of this configuration for each key, and at most `capacity` of them. With 0 all
    /// is counted in the overflow.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_family<K>(
        self,
        name: &'static str,
        capacity: usize,
    ) -> Result<ErrorBudgets<K>, InvalidConfig> {
        let settings = self.settings()?;
        let overflow = ErrorBudget::of(name, settings.clone());
        Ok(ErrorBudgets::new(name, settings, capacity, overflow))
    }

    /// As [`build_family`](Self::build_family), with an overflow that goes on with the history in `bytes` as in
    /// [`restore`](Self::restore). That of each key is restored by [`ErrorBudgets::restore`].
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); not for what is in `bytes`.
    pub fn restore_family<K>(
        self,
        name: &'static str,
        capacity: usize,
        bytes: &[u8],
        wall: Duration,
    ) -> Result<(ErrorBudgets<K>, Restored), InvalidConfig> {
        let settings = self.settings()?;
        let (overflow, restored) = ErrorBudget::restoring(name, settings.clone(), bytes, wall);
        Ok((
            ErrorBudgets::new(name, settings, capacity, overflow),
            restored,
        ))
    }

    fn settings(self) -> Result<Settings, InvalidConfig> {
        let (period, resolution) = (ticks(self.period), ticks(self.resolution));
        if period == 0 {
            return Err(InvalidConfig::ZeroPeriod);
        }
        if resolution == 0 {
            return Err(InvalidConfig::ZeroResolution);
        }
        let Some(span) = resolution.checked_mul(SPAN.into()) else {
            return Err(InvalidConfig::ResolutionTooLong);
        };
        // A period that is compressed loses up to a nanosecond a slot to rounding: that much is no error.
        let longest = span.saturating_add(SPAN.into());
        if period > longest && self.calendar.is_none() {
            return Err(InvalidConfig::PeriodTooLong);
        }
        let slices = self.budgeting.check(resolution, period)?;
        let windows = match self.windows {
            None => {
                let mut windows = [None; 4];
                let least = 2 * slices.map_or(resolution, |slices| slices.length);
                for (to, slots) in windows.iter_mut().zip(DEFAULT_WINDOWS) {
                    let window = u64::from(slots) * resolution;
                    *to = (least <= window && window <= period).then_some(window);
                }
                windows
            }
            Some(windows) => windows
                .ok_or(InvalidConfig::TooMany)?
                .map(|window| window.map(ticks)),
        };
        let settings = Settings {
            objective: self.objective,
            period,
            resolution,
            slices,
            windows,
            on_cancel: self.on_cancel,
            meaning: checksum(self.meaning.as_bytes()),
            calendar: self.calendar.map(Calendar::periods).transpose()?,
        };
        for window in settings.windows.into_iter().flatten() {
            check_window(window, &settings)?;
        }
        Ok(settings)
    }
}

pub(crate) const fn few<T: Copy, const N: usize>(items: [T; N]) -> Few<T> {
    if N > 4 {
        return None;
    }
    let mut few = [None; 4];
    let mut n = 0;
    while n < N {
        few[n] = Some(items[n]);
        n += 1;
    }
    Some(few)
}

pub(crate) const fn check_window(window: u64, settings: &Settings) -> Result<(), InvalidConfig> {
    // Where a calendar keeps the period it may be longer than the rings reach back.
    let reach = (settings.resolution * SPAN as u64).saturating_add(SPAN as u64);
    let unit = match &settings.slices {
        Some(slices) => slices.length,
        None => settings.resolution,
    };
    if window > settings.period {
        Err(InvalidConfig::WindowLongerThanPeriod)
    } else if window > reach {
        Err(InvalidConfig::WindowTooLong)
    } else if window / 2 < unit {
        Err(InvalidConfig::WindowTooShort)
    } else {
        Ok(())
    }
}
