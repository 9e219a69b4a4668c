//! One property of [`Permits`] a model.

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::Permits;
use crate::tests::explore;

/// Takes a permit and gives it back. Asserts in between that at most `limit` callers are inside.
fn visit(permits: &Permits, inside: &AtomicUsize, limit: usize) -> bool {
    visit_many(permits, inside, 1, limit)
}

fn visit_many(permits: &Permits, inside: &AtomicUsize, places: u32, limit: usize) -> bool {
    if permits.try_acquire(places).is_err() {
        return false;
    }
    let all = inside.fetch_add(places as usize, Relaxed) + places as usize;
    assert!(all <= limit, "{all} inside, {limit} allowed");
    inside.fetch_sub(places as usize, Relaxed);
    permits.release(places);
    true
}

#[test]
fn two_callers_never_share_the_only_place() {
    explore(None, || {
        let shared = Arc::new((Permits::new(1), AtomicUsize::new(0)));
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || visit(&other.0, &other.1, 1));
        let here = visit(&shared.0, &shared.1, 1);
        let there = there.join().unwrap();
        assert!(here || there, "with one place and two callers one gets in");
        assert_eq!(shared.0.snapshot().held(), 0, "every place was given back");
    });
}

#[test]
fn two_callers_never_exceed_a_raised_limit() {
    explore(None, || {
        let shared = Arc::new(Permits::new(1));
        shared.try_acquire(1).unwrap();
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || other.acquire_under(2, 1));
        let here = shared.acquire_under(2, 1);
        assert_ne!(here, there.join().unwrap(), "one place is left");
        assert_eq!(shared.snapshot().held(), 2);
    });
}

#[test]
fn three_callers_never_exceed_two_places() {
    explore(Some(3), || {
        let shared = Arc::new((Permits::new(2), AtomicUsize::new(0)));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let other = Arc::clone(&shared);
                thread::spawn(move || visit(&other.0, &other.1, 2))
            })
            .collect();
        visit(&shared.0, &shared.1, 2);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(shared.0.snapshot().held(), 0, "every place was given back");
        assert!(shared.0.try_acquire(1).is_ok() && shared.0.try_acquire(1).is_ok());
        assert_eq!(shared.0.try_acquire(1).unwrap_err().held(), 2);
    });
}

#[test]
fn calls_of_many_places_never_exceed_the_limit() {
    explore(None, || {
        let shared = Arc::new((Permits::new(3), AtomicUsize::new(0)));
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || visit_many(&other.0, &other.1, 2, 3));
        let here = visit_many(&shared.0, &shared.1, 2, 3);
        let there = there.join().unwrap();
        assert!(here || there, "one of two gets in");
        assert_eq!(shared.0.snapshot().held(), 0, "every place was given back");
    });
}

#[test]
fn a_new_holder_sees_what_the_former_one_did() {
    explore(None, || {
        let shared = Arc::new((Permits::new(1), loom::cell::UnsafeCell::new(0_u32)));
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || {
            if other.0.try_acquire(1).is_ok() {
                // loom fails the model on an access that the permit does not order.
                other.1.with_mut(|_| ());
                other.0.release(1);
            }
        });
        if shared.0.try_acquire(1).is_ok() {
            shared.1.with_mut(|_| ());
            shared.0.release(1);
        }
        there.join().unwrap();
    });
}

#[test]
fn no_caller_enters_above_a_lowered_limit() {
    // One caller is inside, the limit falls from two to one, and the caller leaves. A caller that enters afterwards must find
    // a place under the new limit. With a limit in a second word it does not.
    explore(Some(3), || {
        let shared = Arc::new((Permits::new(2), AtomicUsize::new(0)));
        assert!(shared.0.try_acquire(1).is_ok());
        let other = Arc::clone(&shared);
        let caller = thread::spawn(move || visit(&other.0, &other.1, 2));
        let other = Arc::clone(&shared);
        let passer_by = thread::spawn(move || visit(&other.0, &other.1, 2));
        shared.0.resize(1);
        if shared.0.snapshot().held() == 1 {
            // This thread holds the only place, so the others are outside and find none.
            assert!(shared.0.try_acquire(1).is_err());
            let inside = shared.1.fetch_add(0, Relaxed); // a plain load may read what was
            assert_eq!(inside, 0, "a caller is inside above the limit");
        }
        shared.0.release(1);
        caller.join().unwrap();
        passer_by.join().unwrap();
        let end = shared.0.snapshot();
        assert_eq!((end.held(), end.limit()), (0, 1));
    });
}

#[test]
fn a_bulkhead_is_retired_or_entered() {
    explore(None, || {
        let shared = Arc::new((Permits::new(1), AtomicUsize::new(0)));
        let other = Arc::clone(&shared);
        let caller = thread::spawn(move || other.0.try_acquire(1).is_ok());
        let retired = shared.0.retire();
        let entered = caller.join().unwrap();
        assert_ne!(retired, entered);
    });
}
