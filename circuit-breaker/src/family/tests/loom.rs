//! Claims of `family.rs`. The reference counts are `std`'s: each of their operations is one step
//! here.

use std::{sync::Arc, time::Duration};

use loom::thread;

use crate::{
    breaker::CircuitBreaker, config::Wait, family::CircuitBreakers, tests::explore, types::State,
};

fn family(capacity: usize) -> CircuitBreakers<u8> {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::MAX))
        .build_family("models", capacity)
        .unwrap()
}

/// Opens the breaker that `key` is met by. Whether that is a member.
fn fail(family: &CircuitBreakers<u8>, key: u8) -> bool {
    let breaker = family.get(&key);
    if let Ok(call) = breaker.try_acquire() {
        call.failure();
    }
    !Arc::ptr_eq(breaker.pointer(), family.overflow().pointer())
}

#[test]
fn concurrent_first_calls_of_a_key_find_one_breaker() {
    explore(Some(2), || {
        let family = family(2);
        let other = family.clone();
        let there = thread::spawn(move || other.get(&1));
        let here = family.get(&1);
        assert!(Arc::ptr_eq(here.pointer(), there.join().unwrap().pointer()));
        assert_eq!(family.len(), 1);
    });
}

#[test]
fn a_failure_that_opens_is_not_lost_to_an_eviction() {
    explore(Some(2), || {
        let family = family(1);
        drop(family.get(&1));
        let other = family.clone();
        // Wants the seat of 1.
        let there = thread::spawn(move || {
            drop(other.get(&2));
        });
        let is_member = fail(&family, 1);
        there.join().unwrap();
        // It was in time, and the member stayed; or it came late and met another of its key, or the
        // overflow.
        if is_member {
            assert_eq!(family.get(&1).state(), State::Open);
        }
        assert!(family.len() <= 1);
    });
}

#[test]
fn a_call_in_flight_keeps_its_breaker() {
    explore(Some(2), || {
        let family = family(1);
        let other = family.clone();
        drop(family.get(&1));
        let there = thread::spawn(move || drop(other.get(&2)));
        let core = family.core(&1);
        there.join().unwrap();
        let is_overflow = Arc::ptr_eq(&core, family.overflow().pointer());
        assert!(is_overflow || Arc::ptr_eq(&core, &family.core(&1)));
    });
}
