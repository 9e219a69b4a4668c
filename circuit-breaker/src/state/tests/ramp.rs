//! Which calls a ramp admits: how many of each hundred, and of each kind.

use std::{thread, time::Duration};

use proptest::prelude::*;

use crate::{
    config::{Builder, Probes, Ramp},
    state::{StateMachine, ramp::is_among},
    types::{End, Outcome, State},
};

proptest! {
    #[test]
    fn each_hundred_of_a_ramp_admits_exactly_the_share(
        generation: u32,
        share in 1_u64..100,
        // The last number is that of a ramp that has lasted for longer than anything can.
        begins in prop_oneof![Just(0_u64), 0..1_000_u64, Just(u64::MAX / 100 - 1_000)],
    ) {
        for hundred in begins..begins + 120 {
            let admitted = (0..100).filter(|n| is_among(generation, hundred * 100 + n, share));
            prop_assert_eq!(admitted.count() as u64, share);
        }
    }

    #[test]
    fn the_first_hundred_is_never_behind_its_share(generation in 1_u32.., share in 1_u64..100) {
        let mut admitted = 0;
        for calls in 1..=100 {
            admitted += u64::from(is_among(generation, calls - 1, share));
            prop_assert!(admitted * 100 >= calls * share, "{admitted} of {calls}");
            prop_assert!(admitted * 100 <= calls * share + 400, "{admitted} of {calls}");
        }
    }

    #[test]
    fn kinds_in_turn_get_close_to_their_share_of_a_ramp(
        generation in 1_u32..,
        share in 1_u64..100,
        kinds in 2_u64..=10,
    ) {
        let mut admitted = vec![0_u64; usize::try_from(kinds).unwrap()];
        for number in 0..10_000 {
            let kind = usize::try_from(number % kinds).unwrap();
            admitted[kind] += u64::from(is_among(generation, number, share));
        }
        let fair = share * 100 / kinds;
        // Five deviations of a random choice.
        let most = 2 + 5 * (fair + 1).isqrt();
        prop_assert!(admitted.iter().all(|kind| kind.abs_diff(fair) <= most), "{admitted:?}");
    }
}

#[test]
fn two_ramps_admit_different_calls() {
    let calls = |generation| -> Vec<_> { (0..100).map(|n| is_among(generation, n, 50)).collect() };
    let different = (3..100).filter(|ramp| calls(*ramp) != calls(ramp + 4));
    assert!(different.count() > 80);
}

#[test]
fn concurrent_calls_get_the_exact_share_of_a_ramp() {
    let nanos = Duration::from_nanos;
    let builder = Builder::new()
        .consecutive_failures(1)
        .probes(Probes::one())
        .ramp(Ramp::new(nanos(10)).percent(&[37]));
    let circuit = StateMachine::new("ramp", builder.validate().unwrap());
    let wait = 5_000_000_000;
    for (outcome, now) in [(Outcome::Failure, 0), (Outcome::Success, wait)] {
        let call = circuit.admit(|| now).unwrap();
        circuit.record(call, End::Finished(outcome), || now);
    }
    assert_eq!(circuit.state(), State::Ramping);
    let admitted: usize = thread::scope(|scope| {
        let threads = [0; 4].map(|_| {
            scope.spawn(|| {
                (0..5_000)
                    .filter(|_| circuit.admit(|| wait).is_ok())
                    .count()
            })
        });
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert_eq!(admitted, 20_000 * 37 / 100);
}
