//! One property a model. Those of `permits` are claims of `permits.rs`; those of `queue` are claims of
//! `core.rs`, which joins that word to the list of waiters.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use crate::{Bulkhead, state::permits::Permits};

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches (three threads
/// without a bound take minutes, and two switches are enough for every mutant here).
fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
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

mod permits {
    use super::{Arc, AtomicUsize, Permits, Relaxed, explore, thread};

    /// Takes and gives back, and asserts in between that no more than `limit` are inside.
    fn visit(permits: &Permits, inside: &AtomicUsize, limit: usize) -> bool {
        if permits.try_acquire().is_err() {
            return false;
        }
        let others = inside.fetch_add(1, Relaxed);
        assert!(others < limit, "{} inside, {limit} allowed", others + 1);
        inside.fetch_sub(1, Relaxed);
        permits.release();
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
            assert!(shared.0.try_acquire().is_ok() && shared.0.try_acquire().is_ok());
            assert_eq!(shared.0.try_acquire().unwrap_err().held(), 2);
        });
    }

    #[test]
    fn who_gets_a_place_sees_what_its_former_holder_did() {
        explore(None, || {
            let shared = Arc::new((Permits::new(1), loom::cell::UnsafeCell::new(0_u32)));
            let other = Arc::clone(&shared);
            let there = thread::spawn(move || {
                if other.0.try_acquire().is_ok() {
                    // loom fails the model on an access that the permit does not order.
                    other.1.with_mut(|_| ());
                    other.0.release();
                }
            });
            if shared.0.try_acquire().is_ok() {
                shared.1.with_mut(|_| ());
                shared.0.release();
            }
            there.join().unwrap();
        });
    }

    #[test]
    fn after_the_limit_was_lowered_nobody_enters_above_it() {
        // One is inside, the limit goes from two to one, then it leaves. Whoever comes in after that
        // leave must find room under the new limit: with a limit read apart from the count it does not.
        explore(Some(3), || {
            let shared = Arc::new((Permits::new(2), AtomicUsize::new(0)));
            assert!(shared.0.try_acquire().is_ok());
            let other = Arc::clone(&shared);
            let caller = thread::spawn(move || visit(&other.0, &other.1, 2));
            let other = Arc::clone(&shared);
            let passer_by = thread::spawn(move || visit(&other.0, &other.1, 2));
            shared.0.resize(1);
            if shared.0.snapshot().held() == 1 {
                // The place is ours, so the others are outside, and have no room to come in.
                assert!(shared.0.try_acquire().is_err());
                let inside = shared.1.fetch_add(0, Relaxed); // a plain load may read what was
                assert_eq!(inside, 0, "somebody is inside above the limit");
            }
            shared.0.release();
            caller.join().unwrap();
            passer_by.join().unwrap();
            let end = shared.0.snapshot();
            assert_eq!((end.held(), end.limit()), (0, 1));
        });
    }

    #[test]
    fn a_bulkhead_is_retired_or_entered_but_never_both() {
        explore(None, || {
            let shared = Arc::new((Permits::new(1), AtomicUsize::new(0)));
            let other = Arc::clone(&shared);
            let caller = thread::spawn(move || other.0.try_acquire().is_ok());
            let retired = shared.0.retire();
            let entered = caller.join().unwrap();
            assert_ne!(retired, entered);
        });
    }
}

mod queue {
    use super::{Bulkhead, Context, Future, Pin, Poll, block_on, bulkhead, explore, thread};
    use crate::{Acquire, Permit};

    /// Polls once; what becomes of a waiter that is then dropped.
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
    fn a_release_wakes_who_was_about_to_wait() {
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
    fn two_who_wait_both_get_in() {
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
    fn a_waiter_that_is_dropped_while_it_is_granted_a_place_loses_neither_it_nor_the_wake_up() {
        explore(Some(2), || {
            let bulkhead = bulkhead(1);
            let held = bulkhead.try_acquire().unwrap();
            let mut gone = bulkhead.acquire();
            assert!(poll_once(&mut gone).is_none());
            // Behind the one that goes away.
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
    fn a_raised_limit_lets_in_who_was_about_to_wait() {
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
    fn nobody_overtakes_who_waits() {
        explore(None, || {
            let bulkhead = bulkhead(1);
            let held = bulkhead.try_acquire().unwrap();
            let mut first = bulkhead.acquire();
            assert!(poll_once(&mut first).is_none());
            let other = bulkhead.clone();
            let newcomer = thread::spawn(move || other.try_acquire().is_ok());
            drop(held);
            assert!(
                !newcomer.join().unwrap(),
                "it went in before who had waited"
            );
            assert!(poll_once(&mut first).is_some());
        });
    }

    #[test]
    fn a_limit_that_is_set_by_hand_is_not_lost_to_a_law_that_looked_before() {
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
    fn a_bulkhead_that_only_watches_keeps_nobody_waiting() {
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
}

mod samples {
    use super::{Arc, explore, thread};
    use crate::limit::samples::Samples;

    #[test]
    fn each_call_is_counted_in_exactly_one_window_and_each_window_closed_once() {
        explore(Some(3), || {
            // The window is over when the tenth call ends; two more end at the same time.
            let samples = Arc::new(Samples::new(1));
            for _ in 0..9 {
                samples.success(1, 1);
            }
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let samples = Arc::clone(&samples);
                    thread::spawn(move || {
                        samples.success(1, 2);
                        samples.closes(5, |_| 9).then(|| samples.take())
                    })
                })
                .collect();
            let closed: Vec<_> = threads
                .into_iter()
                .filter_map(|t| t.join().unwrap())
                .collect();
            assert_eq!(closed.len(), 1, "one of them closes it");
            let rest = samples.take();
            assert_eq!(closed[0].successes + rest.successes, 11);
            assert_eq!(closed[0].micros + rest.micros, 11);
        });
    }
}
