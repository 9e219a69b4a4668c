//! The four scenarios: healthy, outage, slow burn, no data.

use super::{
    Test,
    grid::{Alert, Grid},
    history::History,
};
use crate::{
    spec::{
        number::{Written, float},
        rules::{BURN, NO_DATA, OBJECTIVE, REMAINING, objective, period_ratio, ratio},
        yaml::Yaml,
    },
    types::Counts,
};

/// Most evaluations of the rules in one phase: a day at one in five minutes. Each evaluation reads the whole period, so
/// more would take minutes.
const MOST_EVALUATIONS: u64 = 288;
/// Most bad events, one after the other, that a low-traffic history waits for an alert.
const MOST_BAD: u64 = 100;
/// Sums below this are exact in an f64.
const EXACT: u64 = 1 << 53;

pub(super) fn all(grid: &Grid<'_>) -> Vec<Yaml> {
    let mut tests = vec![healthy(grid), outage(grid)];
    for alert in &grid.alerts {
        tests.push(slow_burn(grid, alert));
        tests.extend(slow_burn_at_low_traffic(grid, alert));
    }
    tests.extend([no_series(grid), idle(grid)]);
    tests
}

fn healthy(grid: &Grid<'_>) -> Yaml {
    let history = History::new().then(grid.step * 4, 60, 0);
    let end = history.ticks();
    let name = "healthy: no bad event was ever counted, so the missing series is zero, not unknown";
    let mut test = Test::new(grid, name.into(), history);
    test.omits_zeros = true;
    test.changes();
    test.expect_quiet(NO_DATA, end);
    test.ratios(end, Some(0.0));
    test.period(end, Some(0.0));
    test.figure(OBJECTIVE, end, Some(objective(grid.spec)));
    test.counts(end);
    test.yaml()
}

/// First one bad event in each interval, until every alert fires: none of them fires below its minimum of bad events.
fn outage(grid: &Grid<'_>) -> Yaml {
    let mut history = History::new();
    for _ in 0..MOST_BAD {
        history = history.then(grid.interval - 1, 0, 0).then(1, 0, 1);
        let tick = history.ticks();
        let fires = |alert| grid.fires(alert, &history, tick) == Some(true);
        if grid.alerts.iter().all(fires) {
            break;
        }
    }
    let history = history.then(grid.step.max(grid.interval * 3), 0, 60);
    let end = history.ticks();
    let name =
        "outage: no good event is counted, and each alert fires from its minimum of bad events on";
    let mut test = Test::new(grid, name.into(), history);
    test.omits_zeros = true;
    test.changes();
    test.ratios(end, Some(1.0));
    test.period(end - end % grid.step, Some(1.0));
    test.yaml()
}

/// One window is exactly at the threshold while the other is above it, so that `>` and `>=` are told apart in both.
///
/// Healthy traffic and then a multiple of the threshold put the long window exactly at it, because the window holds all
/// traffic since zero. The next interval is just above the threshold. The fast burn continues until the long window has
/// lost its healthy beginning. Then the traffic of the short window is exactly at the threshold, again followed by an
/// interval just above it.
fn slow_burn(grid: &Grid<'_>, alert: &Alert) -> Yaml {
    let interval = grid.interval;
    let (above, of) = alert.threshold;
    let intervals = alert.long / interval;
    let times = (of / above).min(4).min(intervals - 1).max(1);
    let burning = ((intervals - 1) / times).clamp(1, MOST_EVALUATIONS / times);
    let on_long = burning * times * interval;
    let fast_intervals = (intervals / 2).clamp(1, MOST_EVALUATIONS / 2);
    let on_short = on_long + interval + fast_intervals * interval + alert.short;
    let history = |all: u64, threshold: u64| {
        let fast = (threshold * times).min(all);
        // The least that an f64 shows, whatever the numbers.
        let more = (threshold + (threshold / 1_000_000).max(1)).min(all);
        History::new()
            .then(on_long - burning * interval, all, 0)
            .then(burning * interval, all - fast, fast)
            .then(interval, all - more, more)
            .then(fast_intervals * interval, all - fast, fast)
            .then(alert.short, all - threshold, threshold)
            .then(interval, all - more, more)
            .then(interval * 2, all, 0)
    };
    // So large that one event more is little. Rounding differs from number to number; some multiples are exact.
    let least = 100_000 / above + 1;
    let exact = (least..least + 1000).find_map(|times| {
        let all = of.checked_mul(times)?;
        all.checked_mul(on_short + interval * 3)
            .filter(|sum| *sum < EXACT)?;
        let history = history(all, above * times);
        let is_clear = |tick| grid.firing(&history, tick).is_some();
        (is_clear(on_long) && is_clear(on_short)).then_some(history)
    });
    // A threshold that is too fine is only approached. `changes` then expects only what rounding cannot decide.
    let near = || {
        let all = 1_000_000;
        let threshold = (u128::from(above) * u128::from(all)).div_ceil(of.into());
        history(all, u64::try_from(threshold).unwrap_or(all))
    };
    let [long, short] = [alert.pair.windows.long, alert.pair.windows.short].map(Written);
    let name = format!(
        "slow burn over {long} and {short}: quiet while either window is at its threshold, firing just above"
    );
    let mut test = Test::new(grid, name, exact.unwrap_or_else(near));
    test.changes();
    test.count(alert.pair.windows.long, test.history.ticks());
    test.yaml()
}

/// One bad event at a time, each with as many good ones as keep the share just above the threshold, spread over the long
/// window: the alert fires with the event that is enough for its guard. `None` where the numbers are not exact in an
/// f64.
fn slow_burn_at_low_traffic(grid: &Grid<'_>, alert: &Alert) -> Option<Yaml> {
    let (above, of) = alert.threshold;
    let good = ((of - 1) / above).checked_sub(1)?;
    let counts = |bad: u64| Counts::new(good * bad, bad);
    ((good + 1).checked_mul(MOST_BAD)).filter(|sum| *sum < EXACT)?;
    let is_enough = |bad: &u64| grid.is_enough(alert, counts(*bad)) == Some(true);
    let enough = (1..=MOST_BAD).find(is_enough).unwrap_or(MOST_BAD);
    let apart = (alert.long / grid.interval - 1) / (enough - 1).max(1);
    let apart = apart.clamp(1, (MOST_EVALUATIONS / enough).max(1)) * grid.interval;
    let mut history = History::new()
        .then(grid.interval - 1, 0, 0)
        .then(1, good, 1);
    for _ in 1..enough {
        history = history.then(apart - 1, 0, 0).then(1, good, 1);
    }
    let end = history.ticks();
    let [long, short] = [alert.pair.windows.long, alert.pair.windows.short].map(Written);
    let name =
        format!("slow burn over {long} and {short} at low traffic: quiet until chance is unlikely");
    let mut test = Test::new(grid, name, history);
    if enough > 1 {
        test.expect(end - apart);
    }
    test.expect(end);
    // Where the window holds all since zero, there is nothing to estimate.
    if end <= alert.long {
        test.count(alert.pair.windows.long, end);
    }
    Some(test.yaml())
}

fn no_series(grid: &Grid<'_>) -> Yaml {
    let name = "no data: without any series an alert says so, after a while";
    let mut test = Test::new(grid, name.into(), History::new());
    test.omits_zeros = true;
    test.expect_quiet(NO_DATA, grid.step);
    test.expect_no_data(grid.step * 2);
    test.expect_quiet(BURN, grid.step * 2);
    test.yaml()
}

/// Counters at zero, then little traffic with many bad events, no traffic, and much good traffic. Unless the period is too
/// long, the good traffic lasts until the bad events are older than the period.
fn idle(grid: &Grid<'_>) -> Yaml {
    let (step, windows) = (grid.step, grid.spec.windows());
    let shortest = grid.ticks(windows[0]).div_ceil(step) * step;
    let is_short = grid.period <= grid.interval * MOST_EVALUATIONS * 2;
    let good = if is_short {
        grid.period + step * 2
    } else {
        step * 12
    };
    let history = History::new()
        .then(step * 4, 0, 0)
        .then(step * 6, 3, 1)
        .then(shortest + step, 0, 0)
        .then(good, 60, 0);
    let (silent, idle) = (step * 4, step * 11 + shortest);
    let end = history.ticks();
    let name = "no data: counters that stand still are neither good nor bad, and weigh nothing in the period";
    let mut test = Test::new(grid, name.into(), history);
    test.changes();
    for tick in [silent, idle] {
        test.expect_quiet(NO_DATA, tick);
    }
    test.ratios(silent, None);
    test.period(silent, None);
    test.counts(silent);
    test.figure(&ratio(windows[0]), idle, None);
    let share = |test: &Test<'_>, tick| {
        let counts = test.history.at(tick);
        float(counts.bad().into(), counts.total())
    };
    for tick in [idle, (idle + step * 12).min(end)] {
        let share = share(&test, tick);
        test.period(tick, Some(share));
    }
    if is_short {
        let kept = grid.period - grid.period % step;
        let share = share(&test, kept);
        test.period(kept, Some(share));
        test.figure(&period_ratio(grid.spec), end - end % step, Some(0.0));
        test.figure(REMAINING, end - end % step, Some(1.0));
    }
    test.yaml()
}
