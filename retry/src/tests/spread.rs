//! Delays: their bounds for any configuration, and that nobody shares them.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;

use crate::{Backoff, Delays, Jitter, backoff::Growth, course::Course, seeds::Seeds};

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::MAX),
        (0_u64..10_000).prop_map(Duration::from_millis),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}

fn backoff() -> impl Strategy<Value = Backoff> {
    let shape = prop_oneof![
        (duration(), duration()).prop_map(|(base, cap)| Backoff::exponential(base, cap)),
        duration().prop_map(Backoff::constant),
        Just(Backoff::none()),
    ];
    let jitter = prop_oneof![Just(Jitter::Full), Just(Jitter::None)];
    (shape, jitter).prop_map(|(shape, jitter)| shape.jitter(jitter))
}

/// `min(cap, base × 2^(n − 1))`, in numbers that hold it.
fn ceiling(backoff: Backoff, retry: u32) -> Duration {
    let (base, cap) = (backoff.first.as_nanos(), backoff.cap.as_nanos());
    let doublings = if backoff.growth == Growth::Doubling {
        retry - 1
    } else {
        0
    };
    let grows_past = base > 0 && doublings >= base.leading_zeros();
    if grows_past || base << doublings.min(127) >= cap {
        backoff.cap
    } else {
        let nanos = base << doublings.min(127);
        let (secs, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        Duration::new(u64::try_from(secs).unwrap(), u32::try_from(rest).unwrap())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn two_thousand_delays_of_any_backoff_are_within_their_bounds(
        backoff in backoff(),
        seed in any::<u64>(),
    ) {
        let mut delays = backoff.delays_seeded(seed);
        for retry in 1..=2_000 {
            let delay = delays.next().unwrap();
            let most = ceiling(backoff, retry);
            prop_assert!(most <= backoff.cap);
            match backoff.jitter {
                Jitter::Full => prop_assert!(delay <= most, "{delay:?} > {most:?} before retry {retry}"),
                Jitter::None => prop_assert_eq!(delay, most),
            }
        }
    }

    #[test]
    fn a_hint_is_never_undercut_and_what_comes_above_it_is_within_the_cap(
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
    fn at_the_cap_delays_are_still_spread(
        cap in (1_u64..1 << 62).prop_map(Duration::from_micros),
        seed in any::<u64>(),
    ) {
        let at_cap = Backoff::exponential(Duration::from_nanos(1), cap).delays_seeded(seed).skip(100);
        let delays: Vec<_> = at_cap.take(200).collect();
        let different: HashSet<_> = delays.iter().collect();
        prop_assert!(different.len() > 150, "{} of 200", different.len());
        // In each half about a hundred; fewer than 40 has a probability below 10^-17.
        let low = delays.iter().filter(|delay| **delay < cap / 2).count();
        prop_assert!((40..=160).contains(&low), "{low} of 200 in the lower half");
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

fn first_delays(seeds: &[Seeds], requests: usize) -> Vec<Duration> {
    let backoff = Backoff::exponential(HOUR, HOUR);
    (0..requests)
        .map(|n| Delays::new(backoff, seeds[n % seeds.len()].next()))
        .map(|mut delays| delays.next().unwrap())
        .collect()
}

#[test]
fn no_two_of_a_hundred_requests_share_their_delays() {
    for seeds in [Seeds::new(None), Seeds::new(Some(7))] {
        // Through clones, as each clone of a service has its own copy of the policy.
        let delays = first_delays(&[seeds.clone(), seeds.clone(), seeds], 100);
        assert_eq!(delays.iter().collect::<HashSet<_>>().len(), 100);
    }
}

#[test]
fn a_seed_repeats_the_delays_of_a_run() {
    let run = || first_delays(&[Seeds::new(Some(7))], 100);
    assert_eq!(run(), run());
    assert_ne!(run(), first_delays(&[Seeds::new(Some(8))], 100));
    assert_ne!(
        run()[1..],
        first_delays(&[Seeds::new(Some(8))], 99),
        "nor the same one request later"
    );
}

#[test]
fn a_request_draws_its_generator_at_its_first_retry_and_only_then() {
    let (mut course, mut drawn) = (Course::new(None, None), 0);
    for retries in 0..3 {
        assert_eq!(drawn, retries.min(1));
        course.wait(None, || {
            drawn += 1;
            Backoff::constant(HOUR).delays_seeded(0)
        });
    }
}
