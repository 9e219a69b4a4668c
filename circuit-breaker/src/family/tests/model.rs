//! Any history of a family: what may not be forgotten is not, and the rest is bounded.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use proptest::{collection::vec, prelude::*};
use tokio::time::{Instant, advance};

use crate::{
    breaker::CircuitBreaker,
    call::Call,
    config::{Probes, Wait},
    types::{Override, State},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Succeed(u8),
    Fail(u8),
    /// Begins a call that stays in flight.
    Begin(u8),
    /// Ends the oldest of those.
    End,
    Force(u8),
    Resume(u8),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..8_u8;
    let step = prop_oneof![
        4 => key.clone().prop_map(Step::Succeed),
        3 => key.clone().prop_map(Step::Fail),
        2 => key.clone().prop_map(Step::Begin),
        2 => Just(Step::End),
        1 => key.clone().prop_map(Step::Force),
        1 => key.prop_map(Step::Resume),
        2 => (0..15_u64).prop_map(Step::Pass),
    ];
    vec(step, 1..80)
}

const WAIT: Duration = Duration::from_secs(10);
const CAPACITY: usize = 3;

/// Plays `steps`, and says what it had to keep at the most.
async fn play(steps: Vec<Step>) -> usize {
    let family = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one())
        .build_family::<u8>("any", CAPACITY)
        .unwrap();
    let members = || -> HashMap<u8, CircuitBreaker> { family.iter().collect() };
    let mut open_until: HashMap<u8, Instant> = HashMap::new();
    let mut forced: HashSet<u8> = HashSet::new();
    let mut in_flight: Vec<(Option<u8>, Call)> = Vec::new();
    let mut most_kept = 0;
    for step in steps {
        match step {
            Step::Succeed(key) => {
                if let Ok(call) = family.get(&key).try_acquire() {
                    call.success();
                }
            }
            Step::Fail(key) => {
                let breaker = family.get(&key);
                if let Ok(call) = breaker.try_acquire() {
                    call.failure();
                    if members().contains_key(&key) {
                        open_until.insert(key, Instant::now() + WAIT);
                    }
                }
            }
            Step::Begin(key) => {
                let breaker = family.get(&key);
                let member = members().contains_key(&key).then_some(key);
                if let Ok(call) = breaker.try_acquire() {
                    in_flight.push((member, call));
                }
            }
            Step::End => {
                if !in_flight.is_empty() {
                    in_flight.remove(0).1.ignore();
                }
            }
            Step::Force(key) => {
                let breaker = family.get(&key);
                if members().contains_key(&key) {
                    breaker.force_open(Override::new("op", "test"));
                    forced.insert(key);
                    open_until.remove(&key);
                }
            }
            Step::Resume(key) => {
                family.get(&key).resume(Override::new("op", "test"));
                if forced.remove(&key) {
                    open_until.remove(&key);
                }
            }
            Step::Pass(seconds) => advance(Duration::from_secs(seconds)).await,
        }
        let now = Instant::now();
        open_until.retain(|_, until| *until > now);
        let members = members();
        assert!(members.len() <= CAPACITY);
        for key in open_until.keys() {
            assert_eq!(members[key].state(), State::Open, "{step:?}: {key}");
        }
        for key in &forced {
            assert_eq!(members[key].state(), State::ForcedOpen, "{step:?}: {key}");
        }
        for key in in_flight.iter().filter_map(|(key, _)| *key) {
            assert!(members.contains_key(&key), "{step:?}: {key} is in flight");
        }
        most_kept = most_kept.max(open_until.len() + forced.len());
    }
    most_kept
}

fn run(steps: Vec<Step>) -> usize {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(play(steps))
}

proptest! {
    #[test]
    fn a_family_forgets_no_member_that_must_stay(steps in steps()) {
        run(steps);
    }
}

#[test]
fn failing_keys_fill_a_family() {
    let fail = (0..8).map(Step::Fail).collect();
    assert_eq!(run(fail), CAPACITY);
}
