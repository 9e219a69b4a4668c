//! Delays of single recipes, and that requests do not share them.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::SmallRng};

use super::up_and_down;
use crate::backoff::{Backoff, Delays, Draws, Jitter, Seeds};

const HOUR: Duration = Duration::from_secs(3_600);

fn first_delays(seeds: &[Seeds], requests: usize) -> Vec<Duration> {
    let backoff = Backoff::exponential(HOUR, HOUR);
    (0..requests)
        .map(|n| Delays::new(backoff, seeds[n % seeds.len()].next()))
        .map(|mut delays| delays.next().expect("without end"))
        .collect()
}

#[test]
fn hundred_requests_draw_different_delays() {
    for seeds in [Seeds::new(None), Seeds::new(Some(7))] {
        // Through clones, because each clone of a service has a copy of the policy.
        let delays = first_delays(&[seeds.clone(), seeds.clone(), seeds], 100);
        assert_eq!(delays.iter().collect::<HashSet<_>>().len(), 100);
    }
}

#[test]
fn seed_repeats_the_delays_of_a_run() {
    let run = || first_delays(&[Seeds::new(Some(7))], 100);
    assert_eq!(run(), run());
    assert_ne!(run(), first_delays(&[Seeds::new(Some(8))], 100));
    assert_ne!(
        run()[1..],
        first_delays(&[Seeds::new(Some(8))], 99),
        "nor the same one request later"
    );
}

proptest! {
    #[test]
    fn multiplied_delays_are_those_of_a_naive_product(
        twentieths in 21_u32..=255,
        base in 1_u64..1_000_000,
        retries in 1_u32..60,
    ) {
        let multiplier = f64::from(twentieths) / 20.0;
        let base = Duration::from_micros(base);
        let backoff = Backoff::exponential_by(multiplier, base, HOUR).jitter(Jitter::None);
        let mut naive = base.as_secs_f64();
        for (retry, delay) in (1..=retries).zip(backoff.delays()) {
            let expected = naive.min(HOUR.as_secs_f64());
            prop_assert!((delay.as_secs_f64() - expected).abs() < 1e-9 + expected * 1e-12, "{retry}");
            naive *= multiplier;
        }
    }
}

#[test]
fn multiplier_counts_as_the_nearest_in_its_range() {
    let by = |multiplier| Backoff::exponential_by(multiplier, HOUR, HOUR);
    for (given, counts_as) in [
        (2.0, 2.0),
        (1.5, 1.5),
        (1.618, 1.6),
        (1.63, 1.65),
        (1.0, 1.05),
        (-3.0, 1.05),
        (f64::NAN, 1.05),
        (12.75, 12.75),
        (1e300, 12.75),
        (f64::INFINITY, 12.75),
    ] {
        assert_eq!(by(given), by(counts_as), "{given}");
    }
    assert_eq!(by(2.0), Backoff::exponential(HOUR, HOUR));
    assert_eq!(format!("{:?}", by(1.5).growth), "Times(1.5)");
    let zero = Backoff::exponential_by(12.75, Duration::ZERO, HOUR).jitter(Jitter::None);
    assert!(zero.delays().take(2_000).all(|delay| delay.is_zero()));
}

#[test]
fn delays_start_again_after_a_hint() {
    let ms = Duration::from_millis;
    let backoff = Backoff::exponential(ms(10), HOUR);
    let mut delays = backoff.jitter(Jitter::None).delays();
    let next = |delays: &mut Delays| delays.by_ref().take(3).collect::<Vec<_>>();
    assert_eq!(next(&mut delays), [10, 20, 40].map(ms));
    assert_eq!(delays.next_after(ms(5)), ms(5));
    assert_eq!(next(&mut delays), [10, 20, 40].map(ms));
    let wandering = Backoff::exponential(ms(10), HOUR).jitter(Jitter::Decorrelated);
    let mut delays = wandering.delays_seeded(1);
    assert!(delays.by_ref().take(50).any(|delay| delay > ms(1_000)));
    delays.next_after(HOUR);
    assert!(delays.next().is_some_and(|delay| delay <= ms(30)));

    let mut delays = backoff.delays_seeded(1);
    let above: Vec<_> = (0..30)
        .map(|_| delays.next_after(HOUR).saturating_sub(HOUR))
        .collect();
    assert!(above[..3].iter().all(|above| *above <= ms(40)));
    assert!(above.iter().any(|above| *above > ms(10_000)));
}

#[test]
fn decorrelated_range_keeps_its_lower_end() {
    let (first, cap) = (Duration::from_millis(10), Duration::from_secs(10));
    for backoff in [
        Backoff::custom(|_| Duration::from_millis(10), cap),
        Backoff::exponential(first, cap),
    ] {
        let backoff = backoff.jitter(Jitter::Decorrelated);
        // Anywhere from 10 ms to three times the one before, which was 10 ms or more: half above 15.
        let second = |seed| backoff.delays_seeded(seed).nth(1).expect("without end");
        let low = (0..200)
            .filter(|seed| second(*seed) < first * 3 / 2)
            .count();
        assert!(low > 5, "{low} of 200");
    }
}

#[test]
fn decorrelated_delay_does_not_undercut_another_backoff() {
    let secs = Duration::from_secs;
    let fault = Backoff::exponential(Duration::from_millis(50), secs(2));
    let [fault, throttled] =
        [fault, Backoff::exponential(secs(1), secs(20))].map(|b| b.jitter(Jitter::Decorrelated));
    for seed in 0..50 {
        let mut draws = Draws::new(SmallRng::seed_from_u64(seed));
        assert!(draws.next(&fault, 1, None) < secs(1));
        let delay = draws.next(&throttled, 2, None);
        assert!(delay >= secs(1), "{delay:?} after a short one of the other");
    }
}

#[test]
fn equal_recipes_compare_equal() {
    let (a, b) = (Duration::from_millis(1), HOUR);
    assert_eq!(Backoff::linear(a, b), Backoff::linear(a, b));
    assert_eq!(
        Backoff::custom(up_and_down, b),
        Backoff::custom(up_and_down, b)
    );
    let all = [
        Backoff::linear(a, b),
        Backoff::exponential(a, b),
        Backoff::exponential_by(3.0, a, b),
        Backoff::custom(up_and_down, b),
        Backoff::linear(a, b).jitter(Jitter::Equal),
    ];
    for (n, one) in all.iter().enumerate() {
        assert!(all[..n].iter().all(|other| one != other));
    }
}
