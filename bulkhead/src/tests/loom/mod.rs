//! Models of the handle: the word of permits joined to the line of waiters. One property a model. The models of the word
//! alone are in `state/permits/models.rs`.

mod line;
mod operate;

use std::{
    future::Future,
    num::NonZeroU32,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{Acquire, Bulkhead, Permit, state::Pointer};

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
