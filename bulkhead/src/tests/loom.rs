//! Models of the handle: the word of permits joined to the line of waiters. One property a model. The models of the word
//! alone are in `state/permits/models.rs`.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use std::num::NonZeroU32;

use loom::{cell::UnsafeCell, future::block_on, thread};

use tokio::time::Instant;

use crate::{
    Acquire, Bulkhead, Cause, Override, Permit, Queue,
    acquire::Begun,
    limit::Limited,
    state::{Core, Patience, Pointer},
};

const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches. Three threads without a bound take
/// minutes, and two switches are enough for every mutant of this crate.
pub(crate) fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
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
fn poll_once<P: Pointer>(acquire: &mut Acquire<P>) -> Option<Permit<P>> {
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
fn a_release_under_a_raised_limit_wakes_a_starting_waiter() {
    explore(Some(3), || {
        let bulkhead = bulkhead(1);
        let by = Override::new("operator", "model").lasting(Duration::from_secs(3_600));
        bulkhead.force_limit(2, by).unwrap();
        let _held = bulkhead.try_acquire().unwrap();
        let raised = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let waiter = thread::spawn(move || drop(block_on(other.acquire()).unwrap()));
        drop(raised);
        waiter.join().unwrap();
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 0));
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
fn a_limit_set_by_hand_survives_a_law() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let other = bulkhead.clone();
        let law = thread::spawn(move || {
            let was = other.limit();
            if other.0.replace_limit(was, was + 1) {
                other.0.resized();
            }
        });
        bulkhead.set_limit(7).unwrap();
        law.join().unwrap();
        let limit = bulkhead.limit();
        assert!(limit == 7 || limit == 8, "{limit}");
    });
}

#[test]
fn two_reconfigurations_leave_the_numbers_of_one() {
    let numbers = |n| {
        let builder = Bulkhead::builder().limit(n).max_queued(n);
        let builder = builder.max_wait(Duration::from_secs(n as u64));
        builder.retry_after(Duration::from_secs(n as u64))
    };
    explore(None, move || {
        let bulkhead = bulkhead(4);
        let other = bulkhead.clone();
        let one = thread::spawn(move || other.reconfigure(numbers(1)).unwrap());
        bulkhead.reconfigure(numbers(2)).unwrap();
        one.join().unwrap();
        let limit = bulkhead.limit();
        let _held: Vec<_> = (0..limit)
            .map(|_| bulkhead.try_acquire().unwrap())
            .collect();
        let full = bulkhead.try_acquire().unwrap_err();
        let mut line: Vec<_> = (0..3).map(|_| bulkhead.acquire()).collect();
        let mut context = Context::from_waker(std::task::Waker::noop());
        let wait = |waiter: &mut Acquire| Pin::new(waiter).poll(&mut context).is_pending();
        let waiting = line.iter_mut().map(wait).filter(|waits| *waits).count();
        let retry_after = full.retry_after().map(|time| time.as_secs());
        assert_eq!((waiting, retry_after), (limit, Some(limit as u64)));
        let line = &Queue::of_bulkhead().line;
        let patience = Patience {
            max_wait: Duration::ZERO, // a bound, which is that of the bulkhead
            ..Patience::NONE
        };
        let wait = patience.of(line, &bulkhead.0).max_wait;
        assert_eq!(Some(wait), full.retry_after(), "both are as many seconds");
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
        let mut context = Context::from_waker(std::task::Waker::noop());
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

#[test]
fn a_lowered_limit_refuses_a_starting_heavy_waiter() {
    explore(None, || {
        let bulkhead = bulkhead(2);
        let held = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let heavy = thread::spawn(move || block_on(other.acquire_many(TWO)).unwrap_err());
        bulkhead.set_limit(1).unwrap();
        assert_eq!(heavy.join().unwrap().cause(), Cause::TooHeavy);
        drop(held);
        is_empty(&bulkhead);
    });
}

#[test]
fn a_close_refuses_a_starting_waiter() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let _held = bulkhead.try_acquire().unwrap();
        let other = bulkhead.clone();
        let waiter = thread::spawn(move || block_on(other.acquire()).unwrap_err());
        drop(bulkhead.close());
        assert_eq!(waiter.join().unwrap().cause(), Cause::Closed);
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 0));
    });
}

#[test]
fn a_close_and_a_leaving_waiter_keep_the_count() {
    explore(None, || {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let mut waiter = bulkhead.acquire();
        assert!(poll_once(&mut waiter).is_none());
        let leaver = thread::spawn(move || drop(waiter));
        let drained = bulkhead.close();
        leaver.join().unwrap();
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 0));
        assert!(bulkhead.is_closed());
        drop(held);
        block_on(drained);
    });
}

#[test]
fn the_last_call_ends_a_starting_drain() {
    // A lost wake-up shows as a deadlock.
    explore(None, || {
        let shared = Arc::new((bulkhead(1), UnsafeCell::new(0_u32)));
        let other = Arc::clone(&shared);
        let caller = thread::spawn(move || {
            if let Ok(permit) = other.0.try_acquire() {
                // loom fails the model on an access that the drain does not order.
                other.1.with_mut(|_| ());
                drop(permit);
            }
        });
        block_on(shared.0.close());
        shared.1.with_mut(|_| ());
        caller.join().unwrap();
        assert_eq!(shared.0.in_flight(), 0);
    });
}
