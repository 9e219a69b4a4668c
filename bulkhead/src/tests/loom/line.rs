//! The line: callers that begin to wait, leave it or are granted places.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use loom::{future::block_on, thread};
use tokio::time::Instant;

use super::{TWO, bulkhead, explore, is_empty, poll_once};
use crate::{
    Acquire, Bulkhead, Queue,
    acquire::Begun,
    state::{Core, Patience},
};

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

/// Begins a call that waits in a line of one, without a bound.
fn begin(bulkhead: &Bulkhead) -> Begun<Arc<Core>> {
    let line = Queue::new(1, Duration::MAX).line;
    Acquire::begin(&bulkhead.0, &line, &Patience::NONE)
}

#[test]
fn a_line_that_a_waiter_left_refuses_nobody() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let waiter = begin(&bulkhead);
        assert!(matches!(waiter, Begun::Queued(_)), "no place is free");
        let leaver = thread::spawn(move || drop(waiter));
        drop(held);
        let first = begin(&bulkhead);
        let second = begin(&bulkhead);
        // `first` is inside only if the waiter is out of the line. Otherwise the waiter was granted the place.
        assert!(!matches!(first, Begun::Refused(_)), "nobody waited");
        if let Begun::Inside(_) = first {
            assert!(matches!(second, Begun::Queued(_)), "nobody waited");
        }
        leaver.join().unwrap();
        drop((first, second));
        is_empty(&bulkhead);
    });
}

#[test]
fn a_full_line_refuses_only_beside_a_waiter() {
    explore(Some(2), || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let there = thread::spawn(move || begin(&other));
        let other = bulkhead.clone();
        let holder = thread::spawn(move || drop((held, other)));
        let here = begin(&bulkhead);
        holder.join().unwrap();
        let there = there.join().unwrap();
        for (one, other) in [(&here, &there), (&there, &here)] {
            if let Begun::Refused(_) = one {
                assert!(matches!(other, Begun::Queued(_)), "nobody waited");
            }
        }
        drop((here, there));
        is_empty(&bulkhead);
    });
}

#[test]
fn a_late_granted_place_is_given_back_once() {
    const HOUR: Duration = Duration::from_secs(3_600);
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let patience = Patience {
            max_wait: HOUR,
            latest: None,
        };
        let queue = Queue::new(1, HOUR);
        let Begun::Queued(mut waiter) = Acquire::begin(&bulkhead.0, &queue.line, &patience) else {
            panic!("no place is free");
        };
        drop(held); // grants it
        let other = bulkhead.clone();
        let caller = thread::spawn(move || {
            other.0.refuse_late_at(Instant::now() + 2 * HOUR);
            drop(other.try_acquire());
        });
        let mut context = Context::from_waker(Waker::noop());
        drop(Pin::new(&mut waiter).poll(&mut context));
        drop(waiter);
        caller.join().unwrap();
        is_empty(&bulkhead);
    });
}

#[test]
fn two_releases_serve_a_heavy_waiter() {
    explore(Some(2), || {
        let bulkhead = bulkhead(2);
        let held = [bulkhead.try_acquire(), bulkhead.try_acquire()].map(Result::unwrap);
        let others = held.map(|held| thread::spawn(move || drop(held)));
        drop(block_on(bulkhead.acquire_many(TWO)).unwrap());
        for other in others {
            other.join().unwrap();
        }
        is_empty(&bulkhead);
    });
}

#[test]
fn a_heavy_waiter_that_leaves_serves_the_next_one() {
    explore(Some(2), || {
        let bulkhead = bulkhead(2);
        let held = bulkhead.try_acquire().unwrap();
        let mut heavy = bulkhead.acquire_many(TWO);
        assert!(poll_once(&mut heavy).is_none());
        let other = bulkhead.clone();
        let light = thread::spawn(move || drop(block_on(other.acquire()).unwrap()));
        drop(heavy);
        light.join().unwrap();
        drop(held);
        is_empty(&bulkhead);
    });
}
