//! One property of the leases a model. The time is a number: a lease that begins at 0 ends before `LATE`.

use std::sync::Arc;

use loom::thread;

use super::{super::Core, Lease};
use crate::{config::Builder, limit::Fixed, tests::explore, types::Label};

const LATE: u64 = 10_000;

fn core(limit: usize) -> Arc<Core> {
    Arc::new(Core::new(
        Label::new("model"),
        Builder::new().limit(limit),
        Fixed,
    ))
}

/// A place that a body holds.
fn leased(core: &Core, now: u64) -> Lease {
    core.try_acquire(1).expect("there is room");
    let mut lease = None;
    core.renew_at(&mut lease, 1, Some(now));
    lease.expect("bodies have leases")
}

fn end(core: &Core, lease: &Lease) {
    core.end_lease(lease, 1);
    core.release(1);
}

fn is_empty(core: &Core, limit: usize) {
    assert_eq!(core.snapshot().held(), 0);
    for _ in 0..limit {
        core.try_acquire(1).expect("every place is free again");
    }
    assert!(core.try_acquire(1).is_err());
}

#[test]
fn a_place_is_given_back_by_its_body_or_by_a_caller() {
    explore(None, || {
        let core = core(1);
        let lease = leased(&core, 0);
        let other = Arc::clone(&core);
        let caller = thread::spawn(move || {
            other.reclaim_at(LATE);
            if other.try_acquire(1).is_ok() {
                other.release(1);
            }
        });
        end(&core, &lease);
        caller.join().unwrap();
        is_empty(&core, 1);
    });
}

#[test]
fn one_of_two_callers_reclaims_a_place() {
    explore(None, || {
        let core = core(1);
        let lease = leased(&core, 0);
        let callers = [(); 2].map(|()| {
            let other = Arc::clone(&core);
            thread::spawn(move || {
                other.reclaim_at(LATE);
                other.try_acquire(1).is_ok()
            })
        });
        let inside = callers.map(|caller| caller.join().unwrap());
        assert_ne!(inside[0], inside[1], "one place was given back");
        assert_eq!(core.snapshot().held(), 1);
        end(&core, &lease);
        assert_eq!(core.snapshot().held(), 1, "it gave nothing back");
        core.release(1);
        is_empty(&core, 1);
    });
}

#[test]
fn a_late_body_changes_nothing_of_a_new_lease() {
    // The new lease takes the slot of the old one, which is over.
    explore(None, || {
        let core = core(2);
        let late = leased(&core, 0);
        let other = Arc::clone(&core);
        let body = thread::spawn(move || leased(&other, LATE));
        end(&core, &late);
        let new = body.join().unwrap();
        assert_eq!(core.snapshot().held(), 1);
        assert!(!core.reclaim_at(LATE), "its lease is not over");
        end(&core, &new);
        is_empty(&core, 2);
    });
}
