//! The tables of the guide with fewer releases. Bounds are three standard deviations beyond α.

use crate::{
    tables::{limit_worlds, other, promotion_worlds},
    trial::{
        Trial, beyond, compared, far_worse, half, limited, not_worse, slower, tenth, within_guard,
        worse,
    },
    worlds::{ALIKE, AS_GOOD, LONGER_BATCHES, WORSE, World},
};

/// The most of `releases` with a chance of `alpha` each: three standard deviations above the mean.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some hundreds"
)]
fn most(releases: u64, alpha: f64) -> usize {
    let n = releases as f64;
    (n * alpha + 3.0 * (n * alpha * (1.0 - alpha)).sqrt()) as usize
}

#[test]
fn good_releases_survive_bursts_and_incidents() {
    let promised = &AS_GOOD[..9];
    for world in promised.iter().chain([&LONGER_BATCHES]) {
        for requests in [tenth(100), half(500)] {
            let mut trial = Trial::new(*world, compared(), requests);
            (trial.batches, trial.releases) = (150, 40);
            // The last one is nearly within the promise.
            let alpha = if world.arm_lasts > 1 { 0.05 } else { 0.03 };
            let false_alarms = trial.ever(worse).count();
            assert!(
                false_alarms <= most(40, alpha),
                "{}: {false_alarms} of 40",
                world.name
            );
        }
        let mut trial = Trial::new(*world, limited(), tenth(100));
        (trial.batches, trial.releases) = (100, 20);
        assert!(
            trial.ever(beyond).count() <= most(20, 0.005),
            "{}",
            world.name
        );
    }
}

#[test]
fn bad_releases_are_rolled_back_by_comparison() {
    // The medians of the guide, within a quarter.
    for (world, canary, median) in [
        (WORSE[1], 100, 25),
        (WORSE[2], 100, 13),
        (WORSE[3], 100, 7),
        (WORSE[0], 1_000, 18),
        (WORSE[1], 1_000, 8),
        (WORSE[4], 1_000, 7),
        (WORSE[5], 100, 24),
        (WORSE[6], 100, 25),
    ] {
        let mut trial = Trial::new(world, compared().times_error_rate(100.0), tenth(canary));
        (trial.batches, trial.releases) = (100, 15);
        let found = trial.until(worse).batches(50).expect("a median");
        assert!(
            (median * 3 / 4..=median * 4 / 3).contains(&found),
            "{} {canary}: {found}",
            world.name
        );
    }
}

#[test]
fn the_other_comparisons_keep_their_alpha() {
    let world = |base, times| World {
        base,
        times,
        ..ALIKE
    };
    let mut far = other(world(0.001, 5.0), 100, 60, false);
    far.batches = 100;
    assert!(far.ever(far_worse).count() <= most(60, 0.01));
    let mut near = other(world(0.001, 2.0), 1_000, 60, false);
    (near.batches, near.every) = (30, 5);
    assert!(near.until(not_worse).count() <= most(60, 0.025));
    let mut slow = other(world(0.05, 1.0), 100, 60, true);
    slow.batches = 100;
    assert!(slow.ever(slower).count() <= most(60, 0.01));
    // They also find what there is.
    let mut far = other(world(0.001, 30.0), 100, 11, false);
    far.batches = 60;
    assert!(far.ever(far_worse).count() >= 10);
    let mut near = other(world(0.01, 1.0), 1_000, 11, false);
    near.batches = 40;
    assert!(near.until(not_worse).count() >= 10);
    let mut slow = other(world(0.05, 2.0), 100, 11, true);
    slow.batches = 40;
    assert!(slow.ever(slower).count() >= 10);
}

#[test]
fn a_limit_rolls_back_what_is_beyond_it() {
    let [below, at, twice, five_times, half_fails] = limit_worlds().map(|(_, world)| {
        let mut trial = Trial::new(world, limited(), tenth(100));
        (trial.batches, trial.releases) = (150, 30);
        trial
    });
    assert_eq!(below.ever(beyond).count(), 0);
    assert!(at.ever(beyond).count() <= most(30, 0.01));
    assert!(twice.ever(beyond).count() >= 28);
    let soon = |mut trial: Trial| {
        trial.batches = 20;
        trial.until(beyond).batches(90)
    };
    assert!(soon(five_times).is_some_and(|minutes| minutes <= 8));
    assert_eq!(soon(half_fails), Some(5));
}

#[test]
fn harmful_releases_are_rarely_promoted() {
    for world in &promotion_worlds()[..3] {
        for canary in [100, 1_000] {
            let mut trial = Trial::new(*world, compared().margin(1.001), tenth(canary));
            (trial.batches, trial.releases, trial.every) = (40, 24, 5);
            // A variation of 3 is seen only in part: 6 % in the guide.
            let alpha = if world.variation > 1.0 { 0.06 } else { 0.025 };
            let promoted = trial.until(within_guard).count();
            assert!(
                promoted <= most(24, alpha),
                "{} {canary}: {promoted}",
                world.name
            );
        }
    }
}
