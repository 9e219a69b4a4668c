//! Models of the handle: the word of permits joined to the line of waiters. One property a model. The models of the word
//! alone are in `state/permits/models.rs`.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use loom::{future::block_on, thread};

use crate::{Acquire, Bulkhead, Permit, limit::Limited};

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches. Three threads without a bound take
/// minutes, and two switches are enough for every mutant of this crate.
pub(crate) fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&runs);
    model.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        f();
    });
    // loom tries another order only where a thread that may be switched away writes.
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(runs > 1, "a model of one interleaving proves nothing");
}

fn bulkhead(limit: usize) -> Bulkhead {
    let builder = Bulkhead::builder().limit(limit);
    builder.build("model").expect("a limit above zero")
}

/// Polls once. Returns the permit if there is one.
fn poll_once(acquire: &mut Acquire) -> Option<Permit> {
    let mut context = Context::from_waker(std::task::Waker::noop());
    match Pin::new(acquire).poll(&mut context) {
        Poll::Ready(permit) => Some(permit.expect("there is room in the queue")),
        Poll::Pending => None,
    }
}

fn is_empty(bulkhead: &Bulkhead) {
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    for _ in 0..bulkhead.limit() {
        std::mem::forget(bulkhead.try_acquire().expect("every place is free again"));
    }
    assert!(bulkhead.try_acquire().is_err());
}

#[test]
fn a_release_wakes_a_starting_waiter() {
    // A lost wake-up shows as a deadlock.
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let waiter = thread::spawn(move || drop(block_on(other.acquire()).unwrap()));
        drop(held);
        waiter.join().unwrap();
        is_empty(&bulkhead);
    });
}

#[test]
fn two_waiters_are_both_served() {
    explore(Some(2), || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let other = bulkhead.clone();
                thread::spawn(move || drop(block_on(other.acquire()).unwrap()))
            })
            .collect();
        drop(held);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        is_empty(&bulkhead);
    });
}

#[test]
fn a_dropped_waiter_passes_its_grant_on() {
    explore(Some(2), || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let mut gone = bulkhead.acquire();
        assert!(poll_once(&mut gone).is_none());
        // Behind the waiter that is dropped.
        let other = bulkhead.clone();
        let waiter = thread::spawn(move || drop(block_on(other.acquire()).unwrap()));
        let leaver = thread::spawn(move || drop(gone));
        drop(held);
        leaver.join().unwrap();
        waiter.join().unwrap();
        is_empty(&bulkhead);
    });
}

#[test]
fn a_raised_limit_admits_a_starting_waiter() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let waiter = thread::spawn(move || drop(block_on(other.acquire()).unwrap()));
        bulkhead.set_limit(2).unwrap();
        waiter.join().unwrap();
        drop(held);
        is_empty(&bulkhead);
    });
}

#[test]
fn no_caller_overtakes_a_waiter() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let mut first = bulkhead.acquire();
        assert!(poll_once(&mut first).is_none());
        let other = bulkhead.clone();
        let newcomer = thread::spawn(move || other.try_acquire().is_ok());
        drop(held);
        assert!(!newcomer.join().unwrap(), "it overtook the waiter");
        assert!(poll_once(&mut first).is_some());
    });
}

#[test]
fn a_limit_set_by_hand_survives_a_law() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let other = bulkhead.clone();
        let law = thread::spawn(move || {
            let was = other.limit();
            if other.0.replace_limit(was, was + 1) {
                other.0.resized(was + 1);
            }
        });
        bulkhead.set_limit(7).unwrap();
        law.join().unwrap();
        let limit = bulkhead.limit();
        assert!(limit == 7 || limit == 8, "{limit}");
    });
}

#[test]
fn a_metrics_only_bulkhead_keeps_no_waiter() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let waiter = thread::spawn(move || drop(block_on(other.acquire()).unwrap()));
        let watching = Bulkhead::builder().limit(1).metrics_only(true);
        bulkhead.reconfigure(watching).unwrap();
        waiter.join().unwrap();
        drop(held);
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    });
}
