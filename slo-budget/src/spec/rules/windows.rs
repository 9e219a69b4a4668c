//! Which windows there are, and how each of them is counted.

use std::time::Duration;

use crate::{spec::Spec, types::decimal};

/// Longer windows are sums of the steps of a shorter one.
const LONGEST_READ: Duration = Duration::from_secs(86_400);

impl Spec {
    /// The step in which the period is summed: 5 m, or the shortest window if the period is shorter than a day; at least
    /// four scrapes.
    pub(in crate::spec) fn step(&self) -> Duration {
        const USUAL: Duration = Duration::from_secs(300);
        let usual = USUAL.max(self.scrape.unwrap_or_default() * 4);
        if self.period >= USUAL * 288 {
            return usual;
        }
        let shortest = self.windows().first().copied();
        shortest.unwrap_or(usual).min(usual).min(self.period)
    }

    /// The step in which a window is summed, or `None` if its counters are read: the longest window that has at most a
    /// hundredth of it and divides it.
    pub(in crate::spec) fn step_of(&self, window: Duration) -> Option<Duration> {
        let divides = |step: &Duration| window.as_millis() % step.as_millis() == 0;
        let fits = |step: &Duration| *step <= window / 100 && *step <= LONGEST_READ;
        let windows = self.recorded_windows().into_iter();
        windows
            .rev()
            .find(|step| fits(step) && divides(step))
            .filter(|_| window > LONGEST_READ)
    }

    /// All windows of alerts without duplicates, the shortest first.
    pub(in crate::spec) fn windows(&self) -> Vec<Duration> {
        let pairs = self.alerts.iter();
        let mut windows: Vec<_> = pairs
            .flat_map(|pair| [pair.windows.long, pair.windows.short])
            .collect();
        windows.sort();
        windows.dedup();
        windows
    }

    /// The windows of alerts, and the step in which the period is summed.
    pub(in crate::spec) fn recorded_windows(&self) -> Vec<Duration> {
        let mut windows = self.windows();
        windows.push(self.step());
        windows.sort();
        windows.dedup();
        windows
    }

    /// Traffic this short a time ago makes the absence of all series a page: an hour, or twelve steps, after the time that
    /// it takes to notice the absence.
    pub(super) fn recent(&self) -> Duration {
        self.step() * 14
    }

    /// The greatest common divisor of all windows, in whole milliseconds.
    pub(in crate::spec) fn common_divisor(&self) -> Duration {
        let windows = self.recorded_windows().into_iter();
        let divisor = windows.fold(0, |divisor, window| {
            decimal::gcd(divisor, window.as_millis())
        });
        Duration::from_millis(u64::try_from(divisor).unwrap_or(u64::MAX))
    }

    /// The evaluation interval of the tests: about a twelfth of the longest window, and whole steps, so that a test with the
    /// longest window evaluates the rules only some twenty times.
    pub(in crate::spec) fn evaluation_interval(&self) -> Duration {
        let windows = self.recorded_windows();
        let steps = windows.iter().filter_map(|window| self.step_of(*window));
        let base = steps.fold(self.step().as_millis(), |base, step| {
            base / decimal::gcd(base, step.as_millis()) * step.as_millis()
        });
        let longest = windows.last().map_or(0, Duration::as_millis);
        let interval = base * longest.div_ceil(12 * base);
        Duration::from_millis(u64::try_from(interval).unwrap_or(u64::MAX))
    }
}
