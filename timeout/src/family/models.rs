//! Loom models of `members.rs`, one property each. The reference counts are `std`'s: each of their operations is one step
//! here.

use std::{sync::mpsc::channel, time::Duration};

use loom::thread;
use tokio::time::Instant;

use super::Timeouts;
use crate::{
    timeout::Timeout,
    types::{Event, LimitCause, Override},
};

const LIMIT: Duration = Duration::from_secs(1);
const FORCED: Duration = Duration::from_secs(3);

fn explore(f: impl Fn(Timeouts<u8>) + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(move || {
        let builder = Timeout::builder().limit(LIMIT);
        f(builder.build_family("models", 1).unwrap());
    });
}

fn by() -> Override {
    Override::new("test", "test")
}

/// The limit of a call with `key` through a layer.
fn call(family: &Timeouts<u8>, key: u8) -> Duration {
    family.0.with(&key, Timeout::limit)
}

#[test]
fn concurrent_first_calls_of_a_key_find_one_timeout() {
    explore(|family| {
        let other = family.clone();
        let there = thread::spawn(move || other.get(&1));
        let (here, there) = (family.get(&1), there.join().unwrap());
        assert!(here.is_same(&there));
        assert_eq!(family.len(), 1);
    });
}

#[test]
fn a_forced_limit_is_not_lost_to_an_eviction() {
    explore(|family| {
        drop(family.get(&1));
        let other = family.clone();
        // Wants the seat of 1.
        let there = thread::spawn(move || drop(other.get(&2)));
        let handle = family.get(&1);
        let is_member = !handle.is_same(&family.overflow());
        handle.force_limit(FORCED, by());
        drop(handle);
        there.join().unwrap();
        // It was in time, and the member stayed; or it came late and met another of its key, or the overflow.
        if is_member {
            assert_eq!(call(&family, 1), FORCED);
        }
        assert!(family.len() <= 1);
    });
}

#[test]
fn a_call_beside_an_eviction_has_a_limit_of_its_key() {
    explore(|family| {
        family.get(&1).force_limit(FORCED, by());
        let other = family.clone();
        // Wants the seat of 1, which it gets once the limit is not forced any more.
        let there = thread::spawn(move || drop(other.get(&2)));
        assert_eq!(call(&family, 1), FORCED);
        family.get(&1).resume(by());
        assert_eq!(call(&family, 1), LIMIT);
        there.join().unwrap();
        assert!(family.len() <= 1);
    });
}

#[test]
fn a_call_and_an_eviction_tell_the_end_of_an_override_once() {
    let now = Instant::now();
    explore(move |family| {
        let (told, heard) = channel();
        let _listener = family.on_event(move |_, event| {
            if let Event::LimitChanged(change) = event {
                told.send(change.cause()).expect("the model receives");
            }
        });
        let is_over = by().lasting(Duration::ZERO);
        family.get(&1).force_limit_at(FORCED, is_over, now);
        let other = family.clone();
        let there = thread::spawn(move || drop(other.get(&2)));
        assert_eq!(call(&family, 1), LIMIT);
        there.join().unwrap();
        let causes: Vec<_> = heard.try_iter().collect();
        assert_eq!(causes, [LimitCause::Forced, LimitCause::OverrideOver]);
    });
}

#[test]
fn a_member_made_beside_a_change_has_the_new_limit() {
    explore(|family| {
        let other = family.clone();
        let there = thread::spawn(move || call(&other, 1));
        let to = Timeout::builder().limit(FORCED);
        family.reconfigure(to).unwrap();
        there.join().unwrap();
        assert_eq!(call(&family, 1), FORCED);
    });
}

#[test]
fn concurrent_changes_leave_all_members_alike() {
    explore(|family| {
        drop(family.get(&1));
        let other = family.clone();
        let there = thread::spawn(move || {
            let to = Timeout::builder().limit(2 * FORCED);
            other.reconfigure(to).unwrap();
        });
        let to = Timeout::builder().limit(FORCED);
        family.reconfigure(to).unwrap();
        there.join().unwrap();
        let limits = [family.get(&1), family.overflow()].map(|timeout| timeout.limit());
        assert_eq!(limits[0], limits[1]);
    });
}
