//! The delay and the credit of a hedge, over arbitrary and random latencies.

use std::time::Duration;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::pace::{Pace, Terms};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn live(quantile: f64, first: Duration) -> Pace {
    Pace::new(Terms::fixed(first, 0.02, 10).live(quantile, ms(1), ms(10_000)))
}

/// A call of this latency, after every earlier one has ended. Whether it reached the delay.
fn call(pace: &Pace, latency: Duration) -> bool {
    let reaches = latency >= pace.delay();
    if reaches {
        pace.reached();
    } else {
        pace.early();
    }
    reaches
}

/// A random latency in milliseconds, from two numbers between 0 and 1.
type Latency = fn(f64, f64) -> f64;

const DISTRIBUTIONS: [(&str, Latency); 5] = [
    ("exponential", |u, _| -20.0 * u.ln()),
    ("log-normal", |u, v| {
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        30.0 * (0.5 * normal).exp()
    }),
    ("Pareto", |u, _| 10.0 * u.powf(-0.5)),
    ("uniform", |u, _| 5.0 + 90.0 * u),
    ("one in twenty slow", |u, v| {
        if v < 0.05 { 500.0 + 100.0 * u } else { 5.0 + u }
    }),
];

#[test]
fn live_delay_converges_to_its_quantile() {
    const CALLS: u32 = 60_000;
    for (name, latency) in DISTRIBUTIONS {
        for quantile in [0.9, 0.99] {
            let mut rng = SmallRng::seed_from_u64(7);
            let mut sample = || latency(1.0 - rng.random::<f64>(), rng.random::<f64>());
            let mut sorted: Vec<f64> = (0..CALLS).map(|_| sample()).collect();
            sorted.sort_by(f64::total_cmp);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index"
            )]
            let exact = sorted[(quantile * f64::from(CALLS)) as usize];

            // From a delay that is far too long or too short.
            for first in [ms(1), ms(10_000)] {
                let pace = live(quantile, first);
                for _ in 0..20_000 {
                    call(&pace, Duration::from_secs_f64(sample() / 1e3));
                }
                let (mut reached, mut sum) = (0, 0.0);
                for _ in 0..CALLS {
                    sum += pace.delay().as_secs_f64().ln();
                    reached += u32::from(call(&pace, Duration::from_secs_f64(sample() / 1e3)));
                }
                let share = f64::from(reached) / f64::from(CALLS) / (1.0 - quantile);
                assert!((0.95..1.05).contains(&share), "{name}, {quantile}: {share}");
                let mean = (sum / f64::from(CALLS)).exp() * 1e3;
                assert!(
                    (0.9..1.1).contains(&(mean / exact)),
                    "{name}, {quantile}: {mean} ms, not {exact} ms"
                );
            }
        }
    }
}

#[test]
fn eight_slow_calls_double_the_delay_and_800_fast_ones_halve_it() {
    let pace = live(0.99, ms(100));
    for (calls, step, expected) in [
        (8, Pace::reached as fn(&Pace), 198.6), // 2 to the power of 8 × 0.125 × 0.99
        (800, Pace::early, 99.3),
    ] {
        for _ in 0..calls {
            step(&pace);
        }
        let found = pace.delay().as_secs_f64() * 1e3;
        assert!((found - expected).abs() < 0.1, "{found} ms");
    }
}

#[test]
fn live_delay_varies_by_a_tenth() {
    const CALLS: u32 = 60_000;
    let pace = live(0.99, ms(100));
    let mut rng = SmallRng::seed_from_u64(7);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..CALLS {
        let latency = -20.0 * (1.0 - rng.random::<f64>()).ln();
        call(&pace, Duration::from_secs_f64(latency / 1e3));
        let log = pace.delay().as_secs_f64().ln();
        sum += log;
        squares += log * log;
    }
    let mean = sum / f64::from(CALLS);
    let deviation = (squares / f64::from(CALLS) - mean * mean).sqrt();
    assert!((0.07..0.13).contains(&deviation), "{deviation}");
}

#[test]
fn live_delay_follows_a_service_that_changes() {
    let pace = live(0.99, ms(100));
    for (latency, calls) in [(10, 4_000), (1_000, 60), (10, 6_000)] {
        for n in 0..calls {
            // Two per cent are much slower, so that the quantile is not at a jump of the distribution.
            call(&pace, ms(if n % 50 == 0 { 2 * latency } else { latency }));
        }
        let found = pace.delay();
        let bounds = ms(latency) * 9 / 10..ms(latency) * 5 / 2;
        assert!(bounds.contains(&found), "{found:?} at {latency} ms");
    }
}

/// Thousands of calls beyond a bound do not keep the delay there.
#[test]
fn live_delay_leaves_its_bounds_at_once() {
    let pace = live(0.9, ms(100));
    for _ in 0..20_000 {
        pace.early();
    }
    assert_eq!(pace.delay(), ms(1));
    pace.reached();
    assert!(pace.delay() > ms(1));
    for _ in 0..20_000 {
        pace.reached();
    }
    assert!(pace.delay() > ms(9_999));
    for _ in 0..10 {
        pace.early();
    }
    assert!(pace.delay() < ms(9_500));
}

#[test]
fn fixed_delay_stays_exact() {
    for delay in [
        ms(1),
        ms(50),
        Duration::from_nanos(33_333_333),
        ms(3_600_000),
    ] {
        let pace = Pace::new(Terms::fixed(delay, 0.02, 10));
        for n in 0..2_000 {
            assert_eq!(pace.delay(), delay);
            call(&pace, if n % 3 == 0 { delay } else { Duration::ZERO });
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Early,
    Reached,
    Take,
    GiveBack,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No assumption about the latencies, not even that they are random.
    #[test]
    fn share_of_slow_calls_holds_for_any_latencies(
        quantile in 0.5..0.999,
        first in 1u64..9_000,
        // In milliseconds, below 0.9 of the longest delay.
        latencies in prop::collection::vec((0u64..9_000, 1usize..400), 1..40),
    ) {
        let pace = live(quantile, ms(first));
        let (mut calls, mut reached) = (0_u32, 0_u32);
        for (latency, times) in latencies {
            for _ in 0..times {
                calls += 1;
                reached += u32::from(call(&pace, ms(latency)));
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let start = 8.0 * (10_000.0 / first as f64).log2();
                let most = (1.0 - quantile) * f64::from(calls) + start;
                // The steps are rounded to a ten-millionth.
                prop_assert!(f64::from(reached) <= most + 0.01, "{} of {}", reached, calls);
                prop_assert!((ms(1)..=ms(10_000)).contains(&pace.delay()));
            }
        }
    }

    /// Over any interleaving: a hedge is between `Take` and the end, and some do not begin.
    #[test]
    fn hedges_are_paid_for_by_fast_calls(
        share in 0.0..=1.0_f64,
        burst in 1u32..20,
        steps in prop::collection::vec(
            prop_oneof![
                8 => Just(Step::Early),
                2 => Just(Step::Reached),
                3 => Just(Step::Take),
                1 => Just(Step::GiveBack),
            ],
            0..600,
        ),
    ) {
        let share = (share * 1e4).round() / 1e4;
        let pace = Pace::new(Terms::fixed(ms(100), share, burst).live(0.9, ms(1), ms(1_000)));
        let (mut early, mut hedges, mut taken) = (0_u32, 0_u32, 0_u32);
        // Fast calls and hedges at each moment.
        let mut history = vec![(0, 0)];
        for step in steps {
            match step {
                Step::Early => {
                    early += 1;
                    pace.early();
                }
                Step::Reached => pace.reached(),
                Step::Take => {
                    let had = pace.credit();
                    let granted = pace.take();
                    prop_assert_eq!(granted, had > 0);
                    taken += u32::from(granted);
                    hedges += u32::from(granted);
                }
                Step::GiveBack if taken > 0 => {
                    taken -= 1;
                    hedges -= 1;
                    pace.give_back();
                }
                Step::GiveBack => {}
            }
            prop_assert!(f64::from(hedges) <= share * f64::from(early) + 1e-9);
            history.push((early, hedges));
        }
        for (n, (early, hedges)) in history.iter().enumerate() {
            for (later, more) in &history[n..] {
                let paid = share * f64::from(later - early) + f64::from(burst);
                // What was taken before and is given back later is part of the burst, or lost.
                prop_assert!(f64::from(more.saturating_sub(*hedges)) <= paid + 1e-9);
            }
        }
    }

    /// A service that is slow for everyone pays nothing in.
    #[test]
    fn slow_service_gets_no_hedges_beyond_the_burst(fast in 0u32..2_000, slow in 1u32..5_000) {
        let pace = live(0.99, ms(100));
        let mut hedges = 0_u32;
        for n in 0..fast + slow {
            if n < fast {
                pace.early();
            } else {
                pace.reached();
                hedges += u32::from(pace.take());
            }
        }
        prop_assert!(hedges <= 10 && hedges * 50 <= fast, "{} hedges", hedges);
    }
}

#[test]
fn live_delay_and_credit_stay_within_their_new_bounds() {
    let pace = live(0.9, ms(100));
    (0..2_000).for_each(|_| pace.early());
    assert_eq!((pace.delay(), pace.credit()), (ms(1), 10));
    pace.change(Terms::fixed(ms(50), 0.02, 4).live(0.9, ms(20), ms(60)));
    assert_eq!((pace.delay(), pace.credit()), (ms(20), 4));
    pace.change(Terms::fixed(ms(70), 0.02, 9));
    assert_eq!((pace.delay(), pace.credit()), (ms(70), 4));
    pace.reached();
    assert_eq!(pace.delay(), ms(70));
}
