//! Delays: their bounds for any configuration.

mod recipes;

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;

use super::{Backoff, Custom, Growth, Jitter};

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
