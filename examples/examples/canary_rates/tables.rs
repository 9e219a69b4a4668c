//! The tables, as Markdown.

use std::fmt::Write;

use maestro_slo_budget::canary::{Builder, Verdict};

use crate::{
    trial::{
        Decided, Trial, beyond, compared, far_worse, half, limited, not_worse, slower, tenth,
        within_guard, worse,
    },
    worlds::{ALIKE, AS_GOOD, LONGER_BATCHES, WORSE, World},
};

/// A table with this head.
struct Table(String);

impl Table {
    fn new(title: &str, head: &[&str]) -> Self {
        let rule = "---|".repeat(head.len());
        Self(format!("{title}\n\n| {} |\n|{rule}\n", head.join(" | ")))
    }

    fn row(&mut self, cells: &[String]) {
        writeln!(self.0, "| {} |", cells.join(" | ")).expect("a string takes everything");
    }
}

fn median(decided: &Decided) -> String {
    let show = |percent| match decided.batches(percent) {
        Some(batches) => batches.to_string(),
        None => "–".to_owned(),
    };
    format!("{} ({})", show(50), show(90))
}

/// Roll-backs by comparison and by the limit, of releases that are as good as their baseline.
pub(crate) fn false_roll_backs(releases: u64) -> String {
    let title = format!(
        "Rolled back, % of {releases} releases that are as good as their baseline, in 600 batches (α of 3 % for the comparison)"
    );
    let head = [
        "both arms alike, but …",
        "100 requests of the canary a batch, step 10 %",
        "500 requests, step 50 %",
        "by availability of 99 %, step 10 %",
    ];
    let mut table = Table::new(&title, &head);
    for world in AS_GOOD.into_iter().chain([LONGER_BATCHES]) {
        let of = |builder: Builder, requests, is: fn(&Verdict) -> bool| {
            let mut trial = Trial::new(world, builder, requests);
            trial.releases = releases;
            format!("{:.1}", trial.ever(is).percent())
        };
        table.row(&[
            world.name.to_owned(),
            of(compared(), tenth(100), worse),
            of(compared(), half(500), worse),
            of(limited(), tenth(100), beyond),
        ]);
    }
    table.0
}

/// The batches until a bad release is rolled back by comparison.
pub(crate) fn time_to_roll_back(releases: u64) -> String {
    let title = format!(
        "Batches until it is rolled back by comparison, median (90 %) of {releases} releases, step 10 %"
    );
    let head = [
        "canary",
        "100 requests of the canary a batch",
        "1,000 requests",
    ];
    let mut table = Table::new(&title, &head);
    for world in WORSE {
        let of = |canary, batches| {
            let mut trial = Trial::new(world, compared().times_error_rate(100.0), tenth(canary));
            (trial.releases, trial.batches) = (releases, batches);
            median(&trial.until(worse))
        };
        table.row(&[world.name.to_owned(), of(100, 1_500), of(1_000, 300)]);
    }
    table.0
}

/// The other comparisons.
pub(crate) fn other_tests(releases: u64) -> String {
    let title = format!("The other comparisons, {releases} releases each, step 10 %");
    let head = [
        "shown",
        "canary",
        "requests of the canary a batch",
        "shown, %",
        "batches, median (90 %)",
    ];
    let mut table = Table::new(&title, &head);
    let world = |base, times| World {
        base,
        times,
        ..ALIKE
    };
    let far = "more than five times the errors";
    let near = "less than twice the errors";
    let slow = "slower than the former 95th percentile more often";
    for (shown, canary, world, requests, is) in [
        (
            far,
            "0.1 % × 5 (false)",
            world(0.001, 5.0),
            100,
            far_worse as fn(&Verdict) -> bool,
        ),
        (far, "0.1 % × 10", world(0.001, 10.0), 100, far_worse),
        (far, "0.1 % × 30", world(0.001, 30.0), 100, far_worse),
        (
            near,
            "0.1 % × 2 (false)",
            world(0.001, 2.0),
            1_000,
            not_worse,
        ),
        (near, "0.1 % × 1", world(0.001, 1.0), 1_000, not_worse),
        (near, "1 % × 1", world(0.01, 1.0), 1_000, not_worse),
        (slow, "5 % × 1 (false)", world(0.05, 1.0), 100, slower),
        (slow, "5 % × 1.5", world(0.05, 1.5), 100, slower),
        (slow, "5 % × 2", world(0.05, 2.0), 100, slower),
    ] {
        let trial = other(world, requests, releases, shown == slow);
        let decided = trial.until(is);
        table.row(&[
            shown.to_owned(),
            canary.to_owned(),
            requests.to_string(),
            format!("{:.0}", decided.percent()),
            median(&decided),
        ]);
    }
    table.0
}

pub(crate) fn other(world: World, requests: u64, releases: u64, slow: bool) -> Trial {
    let builder = if slow {
        maestro_slo_budget::CanaryPolicy::builder().times_p95(100.0)
    } else {
        compared()
    };
    let mut trial = Trial::new(world, builder, tenth(requests));
    trial.batches = if requests == 1_000 { 300 } else { 600 };
    (trial.releases, trial.slow) = (releases, slow);
    trial
}

/// The limit on errors.
pub(crate) fn limits(releases: u64) -> String {
    let title = format!(
        "At most 1 % of errors in 5 min, {releases} releases, 10 h, 100 requests of the canary a minute"
    );
    let head = ["canary", "rolled back, %", "minutes, median (90 %)"];
    let mut table = Table::new(&title, &head);
    for (name, world) in limit_worlds() {
        let mut trial = Trial::new(world, limited(), tenth(100));
        trial.releases = releases;
        let decided = trial.until(beyond);
        table.row(&[
            name.to_owned(),
            format!("{:.1}", decided.percent()),
            median(&decided),
        ]);
    }
    table.0
}

pub(crate) fn limit_worlds() -> [(&'static str, World); 5] {
    let world = |base, times| World {
        base,
        times,
        ..ALIKE
    };
    [
        ("0.9 %, and the baseline 0.05 %", world(0.000_5, 18.0)),
        ("1 %: at the limit", world(0.000_5, 20.0)),
        ("2 %", world(0.000_5, 40.0)),
        ("5 %", world(0.000_5, 100.0)),
        ("half", world(0.000_5, 1_000.0)),
    ]
}

/// Promotions from 10 % of canaries that would cost more than the guard allows.
pub(crate) fn promotions(releases: u64) -> String {
    let title = format!(
        "Promoted from 10 % to 25 % by harm within 300 batches, % of {releases} releases that are as their baseline; at most 0.4 % may fail"
    );
    let head = [
        "canary",
        "100 requests of the canary a batch",
        "1,000 requests",
    ];
    let mut table = Table::new(&title, &head);
    for world in promotion_worlds() {
        let of = |canary| {
            let mut trial = Trial::new(world, compared().margin(1.001), tenth(canary));
            (trial.releases, trial.batches) = (releases, 300);
            format!("{:.1}", trial.until(within_guard).percent())
        };
        table.row(&[world.name.to_owned(), of(100), of(1_000)]);
    }
    table.0
}

pub(crate) fn promotion_worlds() -> [World; 4] {
    [
        World {
            name: "0.4 %, independent",
            base: 0.004,
            ..ALIKE
        },
        World {
            name: "0.6 %, variation 1",
            base: 0.006,
            variation: 1.0,
            ..ALIKE
        },
        World {
            name: "0.8 %, variation 3",
            base: 0.008,
            variation: 3.0,
            ..ALIKE
        },
        World {
            name: "*not promised:* 10 % lost in 5 % of minutes, 0.55 % in all",
            arm: 0.05,
            ..ALIKE
        },
    ]
}
