//! Delays: their bounds for any configuration, and that requests do not share them.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::SmallRng};

use super::{Backoff, Custom, Delays, Draws, Growth, Jitter, Seeds};

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::MAX),
        (0_u64..10_000).prop_map(Duration::from_millis),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}

fn jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        any::<u8>().prop_map(Jitter::PlusMinus),
        Just(Jitter::None),
    ]
}

fn up_and_down(retry: u32) -> Duration {
    match retry % 3 {
        0 => Duration::MAX,
        1 => Duration::from_millis(u64::from(retry)),
        _ => Duration::ZERO,
    }
}

pub(crate) fn backoff() -> impl Strategy<Value = Backoff> {
    let shape = prop_oneof![
        (duration(), duration()).prop_map(|(base, cap)| Backoff::exponential(base, cap)),
        (1.05..12.75, duration(), duration())
            .prop_map(|(multiplier, base, cap)| Backoff::exponential_by(multiplier, base, cap)),
        (duration(), duration()).prop_map(|(step, cap)| Backoff::linear(step, cap)),
        duration().prop_map(|cap| Backoff::custom(up_and_down, cap)),
        duration().prop_map(Backoff::constant),
        Just(Backoff::none()),
    ];
    (shape, jitter()).prop_map(|(shape, jitter)| shape.jitter(jitter))
}

/// The delays without jitter, one after another, each from the one before: `min(cap, base × 2^(n − 1))`,
/// `min(cap, step × n)`, and so on.
fn ceilings(backoff: Backoff) -> impl Iterator<Item = Duration> {
    let mut next = backoff.first;
    (1_u32..).map(move |retry| {
        let now = backoff.custom.map_or(next, |Custom(f)| f(retry));
        next = match backoff.growth {
            Growth::LEVEL => next,
            Growth::ADDING => next.saturating_add(backoff.first),
            Growth::DOUBLING => next.saturating_add(next),
            // From the first, as a rounding each time would add up.
            growth => growth.multiplied(backoff.first, retry),
        };
        now.min(backoff.cap)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn delays_of_any_backoff_stay_in_bounds(
        backoff in backoff(),
        seed in any::<u64>(),
    ) {
        let mut delays = backoff.delays_seeded(seed);
        let first = ceilings(backoff).next().unwrap();
        let mut last = None;
        for (retry, most) in (1..=2_000).zip(ceilings(backoff)) {
            let delay = delays.next().unwrap();
            prop_assert!(delay <= backoff.cap, "{delay:?} before retry {retry}");
            match backoff.jitter {
                Jitter::Full => prop_assert!(delay <= most, "{delay:?} > {most:?} before retry {retry}"),
                Jitter::Equal => prop_assert!(delay <= most && delay >= most / 2),
                Jitter::Decorrelated => {
                    let last = last.unwrap_or(first).max(first);
                    let most = last.saturating_mul(3).min(backoff.cap);
                    prop_assert!(delay <= most && delay >= first.min(most / 2));
                }
                Jitter::PlusMinus(percent) => {
                    let spread = most / 100 * u32::from(percent.min(100));
                    prop_assert!(delay >= most.saturating_sub(spread));
                    prop_assert!(delay <= most.saturating_add(spread));
                }
                Jitter::None => prop_assert_eq!(delay, most),
            }
            last = Some(delay);
        }
    }

    #[test]
    fn largest_retry_numbers_have_a_delay(backoff in backoff()) {
        for retry in [u32::MAX, u32::MAX - 1, 1 << 31, 95, 94, 32, 31] {
            let (least, most) = backoff.range(retry, None);
            prop_assert!(least <= most && most <= backoff.cap);
        }
    }

    #[test]
    fn hint_is_never_undercut(
        backoff in backoff(),
        hints in prop::collection::vec(duration(), 1..100),
        seed in any::<u64>(),
    ) {
        let mut delays = backoff.delays_seeded(seed);
        for hint in hints {
            let delay = delays.next_after(hint);
            let above = delay.checked_sub(hint).expect("undercut");
            prop_assert!(above <= backoff.cap);
        }
    }

    #[test]
    fn delays_at_the_cap_are_spread(
        // At least a millisecond: 200 draws from the ten thousand nanoseconds below 10 µs may well repeat.
        cap in (1_000_u64..1 << 62).prop_map(Duration::from_micros),
        from_the_cap in any::<bool>(),
        jitter in jitter(),
        seed in any::<u64>(),
    ) {
        let jitter = match jitter {
            Jitter::None => Jitter::Full,
            Jitter::PlusMinus(percent) => Jitter::PlusMinus(percent.max(10)),
            jitter => jitter,
        };
        // From 1 ns, the slowest way to the cap, or from the cap. Decorrelated delays wander: from 1 ns they may be
        // anywhere below the cap after a hundred steps.
        let base = match jitter {
            _ if from_the_cap => cap,
            Jitter::Decorrelated => cap / 10,
            _ => Duration::from_nanos(1),
        };
        let backoff = Backoff::exponential(base, cap).jitter(jitter);
        let delays: Vec<_> = backoff.delays_seeded(seed).skip(100).take(200).collect();
        let different: HashSet<_> = delays.iter().collect();
        prop_assert!(different.len() > 150, "{} of 200", different.len());
        // In each half of its range about a hundred; fewer than 40 has a probability below 10^-17.
        let (low, high) = match jitter {
            Jitter::Full => (Duration::ZERO, cap),
            Jitter::Equal => (cap / 2, cap),
            Jitter::PlusMinus(percent) => {
                (cap.saturating_sub(cap / 100 * u32::from(percent.min(100))), cap)
            },
            // Each depends on the one before.
            _ => return Ok(()),
        };
        let middle = low + high.saturating_sub(low) / 2;
        let lower = delays.iter().filter(|delay| **delay < middle).count();
        prop_assert!((40..=160).contains(&lower), "{lower} of 200 in the lower half");
    }
}

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
