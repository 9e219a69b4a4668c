//! The scenarios: healthy, outage, slow burn, no data.

use super::{Test, grid::Grid, history::History, slow_burn};
use crate::{
    alerts::Severity,
    spec::{
        indicator::Role,
        number::float,
        rules::{
            BURN, CONTRADICTION, NO_BUCKET, NO_DATA, OBJECTIVE, no_data_annotations,
            no_data_labels, objective, ratio,
        },
        yaml::{Yaml, map},
    },
};

pub(super) fn all(grid: &Grid<'_>) -> Vec<Yaml> {
    let mut tests = vec![healthy(grid), outage(grid)];
    tests.extend((grid.alerts.iter()).map(|alert| slow_burn::test(grid, alert)));
    tests.extend([no_series(grid), idle(grid)]);
    if grid.spec.no_data.is_none() {
        tests.push(crash_loop(grid));
    }
    tests.extend(wrong_indicator(grid));
    tests
}

fn healthy(grid: &Grid<'_>) -> Yaml {
    let history = History::new().then(grid.interval * 2, 60, 0);
    let end = history.ticks();
    let name = "healthy: no bad event was ever counted, so the missing series is zero, not unknown";
    let mut test = Test::new(grid, name.into(), history);
    test.omits_zeros = true;
    for alert in [BURN, NO_DATA] {
        test.alert(alert, end, Vec::new());
    }
    test.ratios(end, Some(0.0));
    test.period(end, Some(0.0));
    test.figure(OBJECTIVE, end, Some(objective(grid.spec)));
    test.counts(end);
    test.yaml()
}

/// All events are bad, and some time before the second evaluation all series are gone. What the rules recorded until then is
/// a sample of its own, because there is no evaluation in between.
fn outage(grid: &Grid<'_>) -> Yaml {
    let (interval, gone) = (grid.interval, grid.step * 2);
    let [first, second, third] = [1, 2, 3].map(|n| interval * n);
    let burning = second.saturating_sub(gone).max(first);
    let history = History::new().then(burning, 0, 60).gone(third - burning);
    let name = "outage: each alert fires, and still does when the series are gone, until its long window is empty";
    let mut test = Test::new(grid, name.into(), history);
    // A histogram has all of its buckets.
    test.omits_zeros = grid.spec.indicator.bucket().is_none();
    test.ratios(first, Some(1.0));
    test.period(first, Some(1.0));
    test.texts(first);
    if burning == first {
        return test.yaml();
    }
    for window in grid.spec.windows() {
        let is_short = grid
            .alerts
            .iter()
            .any(|alert| alert.pair.windows.short == window);
        if is_short && test.history.window(second, grid.ticks(window)).is_none() {
            let samples = format!("_x{burning} 1");
            test.more.push((grid.spec.of(&ratio(window)), samples));
        }
    }
    test.burning(second, burning);
    if grid
        .alerts
        .iter()
        .all(|alert| alert.pair.keep_firing_for.is_zero())
    {
        test.burning(third, burning);
    }
    // It is a page while there was traffic recently, and then a ticket.
    if grid.spec.no_data.is_none() {
        let recent = test.history.window(third, grid.step * 14);
        let is_recent = recent.is_some_and(|counts| counts.total() > 0);
        for (tick, is_page) in [(second, true), (third, is_recent)] {
            for (severity, is_active) in [("page", is_page), ("ticket", !is_page)] {
                test.active(NO_DATA, &is(severity), tick, is_active);
            }
        }
    }
    test.yaml()
}

fn is(severity: &str) -> [(String, String); 1] {
    [("severity".to_owned(), severity.to_owned())]
}

fn no_series(grid: &Grid<'_>) -> Yaml {
    let name = "no data: without any series an alert says so, after a while";
    let mut test = Test::new(grid, name.into(), History::new());
    test.omits_zeros = true;
    let tick = (grid.step * 2).div_ceil(grid.interval) * grid.interval;
    let severity = grid.spec.no_data.unwrap_or(Severity::Ticket);
    let alert = map([
        ("exp_labels", no_data_labels(grid.spec, severity).line()),
        ("exp_annotations", no_data_annotations(grid.spec).line()),
    ]);
    test.alert(NO_DATA, tick, vec![alert]);
    test.alert(BURN, tick, Vec::new());
    test.yaml()
}

/// Counters at zero, then little traffic with many bad events, much good traffic, and none: at first no figure, and then the
/// period weighs events, not time.
fn idle(grid: &Grid<'_>) -> Yaml {
    let interval = grid.interval;
    let history = History::new()
        .then(interval, 0, 0)
        .then(interval, 3, 1)
        .then(interval, 60, 0)
        .then(interval * 2, 0, 0);
    let step = grid.window(grid.spec.step());
    let end = history.ticks();
    let name = "no data: counters that stand still are neither good nor bad, and weigh nothing in the period";
    let mut test = Test::new(grid, name.into(), history);
    test.ratios(interval, None);
    test.period(interval, None);
    test.alert(NO_DATA, end, Vec::new());
    test.figure(&ratio(grid.spec.step()), end, None);
    // The events of the steps in which the rules are evaluated.
    let steps = (1..=5).filter_map(|n| grid.counts(&test.history, step, n * interval));
    let counts = steps.reduce(|all, step| all + step).unwrap_or_default();
    test.period(end, Some(float(counts.bad().into(), counts.total())));
    test.yaml()
}

/// Each scrape finds a counter that was not there before, and is not there at the next one.
fn crash_loop(grid: &Grid<'_>) -> Yaml {
    let name = "no data: counters that live for one scrape, as in a crash loop, are a page";
    let mut test = Test::new(grid, name.into(), History::new());
    test.omits_zeros = true;
    // A step has one of them.
    let apart = (grid.step / grid.interval + 1) * grid.interval;
    for (role, series) in &grid.series {
        if *role != Role::Good {
            let values = format!("_x{apart} 80 _x{} 80", apart - 1);
            test.more.push((series.clone(), values));
        }
    }
    let tick = apart * 2;
    test.active(NO_DATA, &is("page"), tick, true);
    test.yaml()
}

/// A bucket that does not exist, or more good than all events.
fn wrong_indicator(grid: &Grid<'_>) -> Option<Yaml> {
    let spec = grid.spec;
    let tick = grid.interval;
    let test = |name: &str, history| Test::new(grid, name.into(), history);
    if spec.indicator.bucket().is_some() {
        let name = "no data: requests without the bucket are not bad, but unknown";
        let mut test = test(name, History::new().then(tick, 60, 0));
        test.only = Some(Role::Total);
        test.active(NO_BUCKET, &[], tick, true);
        test.alert(BURN, tick, Vec::new());
        return Some(test.yaml());
    }
    if !spec.indicator.may_contradict() {
        return None;
    }
    let mut test = test(
        "no data: a part that is more than all is a contradiction",
        History::new(),
    );
    test.omits_zeros = true;
    for (role, series) in &grid.series {
        let step = if *role == Role::Total { 60 } else { 70 };
        test.more.push((series.clone(), format!("0+{step}x{tick}")));
    }
    // Where both counters have the same metric, the series of the tests cannot contradict each other.
    let has_total = grid.series.iter().any(|(role, _)| *role == Role::Total);
    test.active(CONTRADICTION, &[], tick, true);
    has_total.then(|| test.yaml())
}
