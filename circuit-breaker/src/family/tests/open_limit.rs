//! Any history of a family with a limit of open members: none opens beyond it, and none is kept closed within it.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use tokio::time::advance;

use crate::{
    breaker::CircuitBreaker,
    config::{Probes, Wait},
    family::CircuitBreakers,
    types::{Override, State},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Succeed(u8),
    Fail(u8),
    Reset(u8),
    Force(u8),
    Trip(u8),
    Resume(u8),
    Limit(u8),
    EvictIdle,
    Pass(u64),
}

const CAPACITY: usize = 5;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..8_u8;
    let step = prop_oneof![
        4 => key.clone().prop_map(Step::Succeed),
        8 => key.clone().prop_map(Step::Fail),
        1 => key.clone().prop_map(Step::Reset),
        1 => key.clone().prop_map(Step::Force),
        1 => key.clone().prop_map(Step::Trip),
        1 => key.prop_map(Step::Resume),
        1 => prop::sample::select(vec![1, 25, 40, 50, 67, 100]).prop_map(Step::Limit),
        1 => Just(Step::EvictIdle),
        3 => (0..15_u64).prop_map(Step::Pass),
    ];
    vec(step, 1..80)
}

fn takes_place(state: State) -> bool {
    matches!(state, State::Open | State::HalfOpen | State::ForcedOpen)
}

/// The members that hold a place, and all.
fn places(family: &CircuitBreakers<u8>) -> (usize, usize) {
    let states: Vec<_> = family.iter().map(|(_, member)| member.state()).collect();
    let taken = states.iter().filter(|state| takes_place(**state)).count();
    (taken, states.len())
}

/// How many of `members` may be open.
fn may_be_open(members: usize, percent: u8) -> usize {
    let share = members * usize::from(percent) / 100;
    share.max(1).min(members.saturating_sub(1))
}

async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let family = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_secs(10)))
        .probes(Probes::one())
        .build_family::<u8>("any", CAPACITY)
        .unwrap();
    let mut percent = 40;
    family.limit_open(percent).unwrap();
    let by = || Override::new("op", "test");
    for step in steps {
        let before = places(&family);
        match step {
            Step::Fail(key) => {
                let breaker = family.get(&key);
                let is_member = family.iter().any(|(member, _)| member == key);
                // With the place of one that was evicted for it, if any.
                let (taken, members) = places(&family);
                let (was, kept) = (breaker.state(), breaker.snapshot().kept_closed());
                if let Ok(call) = breaker.try_acquire() {
                    call.failure();
                    // A failed probe keeps the place of its member.
                    let may_open = taken < may_be_open(members, percent);
                    let opens = !is_member || was != State::Closed || may_open;
                    let state = if opens { State::Open } else { State::Closed };
                    prop_assert_eq!(breaker.state(), state);
                    prop_assert_eq!(breaker.snapshot().kept_closed(), kept + u64::from(!opens));
                }
            }
            Step::Succeed(key) => {
                if let Ok(call) = family.get(&key).try_acquire() {
                    call.success();
                }
            }
            Step::Reset(key) => family.get(&key).reset(Override::new("test", "reset")),
            Step::Force(key) => family
                .get(&key)
                .force_open(by().lasting(Duration::from_secs(20))),
            Step::Trip(key) => drop(family.get(&key).trip(by())),
            Step::Resume(key) => drop(family.get(&key).resume(by())),
            Step::Limit(to) => {
                percent = to;
                family.limit_open(to).unwrap();
            }
            Step::EvictIdle => drop(family.evict_idle()),
            Step::Pass(seconds) => advance(Duration::from_secs(seconds)).await,
        }
        let (taken, members) = places(&family);
        // Only an operator goes beyond the limit, or one that is lowered.
        let is_within = taken <= may_be_open(members, percent);
        let is_forced = matches!(step, Step::Force(_) | Step::Trip(_) | Step::Limit(_));
        prop_assert!(is_within || is_forced || taken <= before.0, "{step:?}");
        if let (Step::EvictIdle, false) = (step, is_within) {
            prop_assert!(members == before.1 || taken < before.0, "{step:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_member_opens_exactly_where_there_is_a_place(steps in steps()) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(play(steps))?;
    }
}
