//! One property a model. Each is a claim of `permits.rs`.

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use crate::permits::Permits;

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches (three threads
/// without a bound take minutes, and two switches are enough for every mutant here).
fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(f);
}

/// Takes and gives back, and asserts in between that no more than `limit` are inside.
fn visit(permits: &Permits, inside: &AtomicUsize, limit: usize) -> bool {
    if permits.try_acquire(limit).is_err() {
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
        let shared = Arc::new((Permits::new(), AtomicUsize::new(0)));
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || visit(&other.0, &other.1, 1));
        let here = visit(&shared.0, &shared.1, 1);
        let there = there.join().unwrap();
        assert!(here || there, "with one place and two callers one gets in");
        assert_eq!(shared.0.held(), 0, "every place was given back");
    });
}

#[test]
fn three_callers_never_exceed_two_places() {
    explore(Some(3), || {
        let shared = Arc::new((Permits::new(), AtomicUsize::new(0)));
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
        assert_eq!(shared.0.held(), 0, "every place was given back");
        assert!(shared.0.try_acquire(2).is_ok() && shared.0.try_acquire(2).is_ok());
        assert_eq!(shared.0.try_acquire(2), Err(2));
    });
}

#[test]
fn who_gets_a_place_sees_what_its_former_holder_did() {
    explore(None, || {
        let shared = Arc::new((Permits::new(), loom::cell::UnsafeCell::new(0_u32)));
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || {
            if other.0.try_acquire(1).is_ok() {
                // loom fails the model on an access that the permit does not order.
                other.1.with_mut(|_| ());
                other.0.release();
            }
        });
        if shared.0.try_acquire(1).is_ok() {
            shared.1.with_mut(|_| ());
            shared.0.release();
        }
        there.join().unwrap();
    });
}
