use std::time::Duration;

#[cfg(feature = "calendar")]
use crate::record::Calendar;
use crate::{
    file::{Text, builder},
    record::{Budgeting, SPAN, Settings},
    types::{
        Event, InvalidConfig, InvalidConfigKind, Objective,
        checksum::checksum,
        duration::ticks,
        few::{Few, Setting},
    },
};

builder! {
    /// The configuration of an error budget. `Copy`, and usable in a `const`.
    ///
    /// Made by [`ErrorBudget::builder`](crate::ErrorBudget::builder), or with the feature `serde` read from a file: see
    /// the [guide](crate::guide#configuration-files).
    pub struct Builder named "budget" {
        objective: Objective = THREE_NINES,
        /// `None` for that of the calendar, or 30 days.
        #[cfg_attr(feature = "serde", serde(with = "crate::file::time::option", skip_serializing_if = "Option::is_none"))]
        period: Option<Duration> = None,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
        resolution: Duration = DEFAULT_RESOLUTION,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list::times", skip_serializing_if = "Setting::is_default"))]
        windows: Setting<Duration> = Setting::Default,
        on_cancel: Event = Event::Excluded,
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::file::text"))]
        meaning: Text = "",
        budgeting: Budgeting = Budgeting::OCCURRENCES,
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        calendar: Option<Calendar> = None => "calendar",
    }
}

/// The usual promise of an internal service: 43 minutes of outage in 30 days.
const THREE_NINES: Objective = Objective::new(999, 1000).expect("999 of 1000");
/// The period for which the Google SRE Workbook gives its factors, 14.4 and 6.
const DEFAULT_PERIOD: Duration = Duration::from_secs(30 * 24 * 3600);
/// A thirtieth of the shortest common alerting window; with it the coarsest ring reaches back 30 days.
const DEFAULT_RESOLUTION: Duration = Duration::from_secs(10);
/// The slots of the default windows: 1 h, 6 h and 24 h at the default resolution.
const DEFAULT_WINDOWS: Few<u32> = [Some(360), Some(2160), Some(8640), None];

impl Builder {
    pub(crate) const fn new() -> Self {
        Self(Numbers::new())
    }

    /// Sets the share of events that must be good. The default is 99.9 %.
    pub const fn objective(mut self, objective: Objective) -> Self {
        self.0.objective = objective;
        self
    }

    /// Sets the period of the budget, which slides: it always ends now. The default is 30 days, and the maximum is
    /// 259,200 times the resolution, which is 30 days by default.
    pub const fn period(mut self, period: Duration) -> Self {
        self.0.period = Some(period);
        self
    }

    /// Sets the length of a slot, the finest unit of the history. Windows fall short by less than a slot. The
    /// default is 10 s.
    ///
    /// Memory does not depend on it: a finer resolution keeps less time. All tiers of the history scale with it
    /// (1, 6, 30 and 360 slots, kept for 360, 2,160, 25,920 and 259,200 slots), and so do the default windows and
    /// [pages](crate::Page): 1 h stands for 360 slots.
    pub const fn resolution(mut self, resolution: Duration) -> Self {
        self.0.resolution = resolution;
        self
    }

    /// Sets period and resolution in the proportions of 30 days: for tests and demonstrations in which a month
    /// passes in half an hour, and an hour in 2.5 seconds.
    pub const fn compressed(mut self, period: Duration) -> Self {
        self.0.period = Some(period);
        self.0.resolution = match period.checked_div(SPAN) {
            Some(resolution) => resolution,
            None => Duration::ZERO,
        };
        self
    }

    /// Sets the windows whose burn rates the [`report`](crate::ErrorBudget::report) contains, at most four. The
    /// default is those of 1 h, 6 h and 24 h (360, 2,160 and 8,640 slots) that fit into the period.
    pub const fn windows<const N: usize>(mut self, windows: [Duration; N]) -> Self {
        self.0.windows = Setting::given(windows);
        self
    }

    /// Sets what a cancelled call counts as: an [`Observation`](crate::Observation) that is dropped without an
    /// outcome. The default is [`Event::Excluded`], as clients cancel most calls. Use [`Event::Bad`] if a timeout
    /// outside cancels slow calls.
    ///
    /// A panic is always bad.
    pub const fn on_cancel(mut self, event: Event) -> Self {
        self.0.on_cancel = event;
        self
    }

    /// Describes what good and bad mean, such as `"5xx, or slower than 250 ms"`. A history that was counted under
    /// another meaning is not restored, as the sum of the two would mean nothing. The default is the empty text.
    pub const fn meaning(mut self, meaning: &'static str) -> Self {
        self.0.meaning = meaning;
        self
    }

    /// Sets whether events are counted, which is the default, or slices of time.
    pub const fn budgeting(mut self, budgeting: Budgeting) -> Self {
        self.0.budgeting = budgeting;
        self
    }

    /// Follows a period of the calendar instead of a sliding one. Sets [`period`](Self::period) to its nominal
    /// length of 7, 30 or 91 days, with which shares and factors of [pages](crate::Page) and
    /// [rules](crate::AlertRule) are computed. Windows slide as before, and reach back as far as the rings do.
    ///
    /// The wall clock is read when the budget is built; [`restore`](Self::restore) takes it as an argument. From
    /// then on the monotonic clock is followed, corrected by the time for which the machine was suspended and by
    /// steps of the wall clock, to within the longer of a slot and a second.
    ///
    /// If the process starts within a period, or restores a history that did not follow this calendar, the
    /// period is observed in part: see [`coverage`](crate::WindowReport::coverage).
    #[cfg(feature = "calendar")]
    pub const fn calendar(mut self, calendar: Calendar) -> Self {
        self.0.period = None;
        self.0.calendar = Some(calendar);
        self
    }

    /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked where they
    /// are read, before there is a name.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, InvalidConfigKind};
    /// use std::time::Duration;
    ///
    /// let builder = ErrorBudget::builder();
    /// assert_eq!(builder.check(), Ok(()));
    /// let refused = builder.period(Duration::ZERO).check().unwrap_err();
    /// assert_eq!((refused.name(), refused.kind()), (None, InvalidConfigKind::ZeroPeriod));
    /// ```
    pub fn check(&self) -> Result<(), InvalidConfig> {
        (self.settings().map(drop)).map_err(InvalidConfigKind::unnamed)
    }

    pub(crate) fn settings(self) -> Result<Settings, InvalidConfigKind> {
        self.0.check()
    }
}

impl Numbers {
    fn check(self) -> Result<Settings, InvalidConfigKind> {
        let (period, resolution) = (ticks(self.length()), ticks(self.resolution));
        if period == 0 {
            return Err(InvalidConfigKind::ZeroPeriod);
        }
        if resolution == 0 {
            return Err(InvalidConfigKind::ZeroResolution);
        }
        let Some(span) = resolution.checked_mul(SPAN.into()) else {
            return Err(InvalidConfigKind::ResolutionTooLong);
        };
        #[cfg(feature = "calendar")]
        let calendar = self.calendar.map(Calendar::periods).transpose()?;
        #[cfg(not(feature = "calendar"))]
        let calendar = None;
        // `compressed` loses up to a nanosecond a slot to rounding.
        let longest = span.saturating_add(SPAN.into());
        if period > longest && calendar.is_none() {
            return Err(InvalidConfigKind::PeriodTooLong);
        }
        let mut settings = Settings {
            objective: self.objective,
            period,
            resolution,
            slices: self.budgeting.check(resolution, period)?,
            windows: [None; 4],
            on_cancel: self.on_cancel,
            meaning: checksum(self.meaning.as_bytes()),
            calendar,
        };
        let default = DEFAULT_WINDOWS.map(|slots| {
            let window = u64::from(slots?) * resolution;
            let fits = 2 * settings.unit() <= window && window <= period;
            fits.then(|| Duration::from_nanos(window))
        });
        settings.windows = self.windows.check(default, |window| {
            let window = ticks(window);
            settings.check_window(window)?;
            Ok(window)
        })?;
        Ok(settings)
    }

    fn length(&self) -> Duration {
        #[cfg(feature = "calendar")]
        let usual = (self.calendar).map_or(DEFAULT_PERIOD, |calendar| {
            Duration::from_nanos(calendar.nominal())
        });
        #[cfg(not(feature = "calendar"))]
        let usual = DEFAULT_PERIOD;
        self.period.unwrap_or(usual)
    }
}
