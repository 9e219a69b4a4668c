//! Slow burn: how many bad events, and which share of them, fire an alert.

use super::{
    Test,
    grid::{Alert, Grid},
    history::History,
};
use crate::{
    spec::{number::Written, yaml::Yaml},
    types::Counts,
};

/// Most bad events that a low-traffic history has.
const MOST_BAD: u64 = 100;
/// Sums below this are exact in an f64.
const EXACT: u64 = 1 << 53;

/// First few events, at twice the threshold: the alert fires with the bad event that is enough for its guard. Then many, at
/// the threshold.
pub(super) fn test(grid: &Grid<'_>, alert: &Alert) -> Yaml {
    let interval = grid.interval;
    let few = few(grid, alert);
    let begin = few.ticks();
    let many = Many::of(grid, alert, begin);
    let [long, short] = [alert.pair.windows.long, alert.pair.windows.short].map(Written);
    let history = match &many {
        Some(many) => many.history(few),
        None => few,
    };
    let name = format!(
        "slow burn: quiet while it may be chance, or while {long} or {short} is at the threshold"
    );
    let mut test = Test::new(grid, name, history);
    test.burns(alert, interval, begin);
    // An alert that keeps firing would still do so.
    let keeps = grid.ticks(alert.pair.keep_firing_for);
    if let Some(Many {
        first,
        second,
        last,
        ..
    }) = many
    {
        let is_over = keeps == 0 || (second == first + interval && begin + keeps < first);
        if is_over {
            test.burns(alert, first, last);
        }
    }
    test.yaml()
}

/// One bad event too few at the first evaluation, and enough at the last one.
fn few(grid: &Grid<'_>, alert: &Alert) -> History {
    let interval = grid.interval;
    let (above, of) = alert.threshold;
    let good = (of / (2 * above))
        .saturating_sub(1)
        .min(EXACT / MOST_BAD / 4);
    let counts = |bad: u64| Counts::new(good * bad, bad);
    let is_enough = |bad: &u64| grid.is_enough(alert, counts(*bad)) == Some(true);
    let enough = (1..=MOST_BAD).find(is_enough).unwrap_or(MOST_BAD);
    // The first bad events are still in the long window, and no more in shorter ones, unless it is short itself.
    let windows = grid.spec.recorded_windows().into_iter();
    let shorter = windows
        .map(|window| grid.ticks(window))
        .filter(|window| *window < alert.long.ticks);
    let apart = (shorter.max().unwrap_or(0) / interval + 1) * interval;
    let (apart, then) = if apart < alert.long.ticks {
        (apart, 1)
    } else if interval < alert.long.ticks {
        (interval, 1)
    } else {
        (interval, enough)
    };
    History::new()
        .then(interval - 1, 0, 0)
        .then(1, good * (enough - 1), enough - 1)
        .then(apart - 1, 0, 0)
        .then(1, good * then, then)
}

/// One window is exactly at the threshold while the other is just above it, so that `>` and `>=` are told apart in both, and
/// a threshold that is altered by a hundredth of a per cent is noticed. Then both are just above it.
///
/// Before the long window there are bad events only, so that one that is too long is noticed. A sum of steps has one step
/// more, at its left edge, so there is a gap.
#[derive(Clone, Copy, Debug)]
struct Many {
    begin: u64,
    gap: u64,
    long: u64,
    short: u64,
    /// When the long window is at the threshold, when the short one is, and when both are above it.
    first: u64,
    second: u64,
    last: u64,
    /// In each tick: all events, and the bad ones below, at and above the threshold; and before it all.
    all: u64,
    low: u64,
    exact: u64,
    high: u64,
    heavy: u64,
}

impl Many {
    /// `None` where the numbers are not exact in an f64.
    fn of(grid: &Grid<'_>, alert: &Alert, begin: u64) -> Option<Self> {
        let interval = grid.interval;
        let [long, short] = [alert.long.ticks, alert.short.ticks];
        let whole = |ticks: u64| ticks.div_ceil(interval) * interval;
        let gap = alert.long.step.map_or(0, |_| interval);
        let first = begin + whole(long + gap + interval);
        let second = first + whole(short);
        let unit = Self {
            begin,
            gap,
            long,
            short,
            first,
            second,
            last: second + interval,
            all: 1,
            low: 0,
            exact: 0,
            high: 0,
            heavy: 0,
        };
        // The ticks that the long window counts of its two parts, in lowest terms.
        let ticks = |unit: Self| {
            let counts = grid.counts(
                &unit.history(History::new().then(begin, 0, 0)),
                alert.long,
                first,
            );
            counts.map_or(0, Counts::bad)
        };
        let lows = ticks(Self { low: 1, ..unit });
        let highs = ticks(Self { high: 1, ..unit });
        let divisor = gcd(lows, highs).max(1);
        let (lows, highs) = (lows / divisor, highs / divisor);
        // The bad events above the threshold are `lows`, so that those below it are `highs`. A factor of about 1 needs a
        // larger distance and more events, because they also have to be evident.
        let (above, of) = alert.threshold;
        let [distance, least] = if alert.pair.factor.as_f64() < 1.1 {
            [100, 1_000_000_000]
        } else {
            [20_000, 0]
        };
        let exact = above.checked_mul(
            lows.checked_mul(distance)?
                .max(highs)
                .max(least / of)
                .div_ceil(above),
        )?;
        let times = (exact / distance / lows.max(1)).max(1);
        let all = (exact / above).checked_mul(of)?;
        all.checked_mul(unit.last).filter(|sum| *sum < EXACT)?;
        let numbers = Self {
            all,
            exact,
            low: exact.checked_sub(highs.checked_mul(times)?)?,
            high: exact.checked_add(lows.checked_mul(times)?)?,
            heavy: if alert.pair.keep_firing_for.is_zero() {
                all
            } else {
                0
            },
            ..unit
        };
        (numbers.high <= all && lows > 0 && highs > 0).then_some(numbers)
    }

    fn history(&self, before: History) -> History {
        let heavy = self.first - self.begin - self.long - self.gap;
        let all = |bad| (self.all - bad, bad);
        [
            (heavy, all(self.heavy)),
            (self.gap, (0, 0)),
            (self.long - self.short, all(self.low)),
            (self.short, all(self.high)),
            // Not in the short window, but in one that is too long.
            (self.second - self.first - self.short, all(self.high)),
            (self.short, all(self.exact)),
            (self.last - self.second, all(self.high)),
        ]
        .into_iter()
        .fold(before, |history, (ticks, (good, bad))| {
            history.then(ticks, good, bad)
        })
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
