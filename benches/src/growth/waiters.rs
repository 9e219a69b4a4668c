//! Calls that wait: for a transition of a breaker, for a place of a bulkhead.

use std::{
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use maestro_bulkhead::Bulkhead;
use maestro_circuit_breaker::Override;
use tokio::{runtime::Builder, time::Instant};

use super::Growth;
use crate::rows::breaker::{IN_A_ROW, shared};

const WAITERS: &[u32] = &[10, 1_000, 100_000];

pub(super) fn all() -> [Growth; 3] {
    [
        Growth::prepared(
            "breaker, a transition, calls that wait",
            WAITERS,
            transition,
        ),
        Growth::prepared(
            "bulkhead, a place is given back, calls that wait",
            WAITERS,
            hand_over,
        ),
        Growth::prepared(
            "bulkhead, one more call waits, calls that wait",
            WAITERS,
            one_more,
        ),
    ]
}

/// The transition wakes the first of the calls that wait. They run later, in their tasks, and wake the others.
fn transition(calls: u32) -> Duration {
    let by = || Override::new("bench", "growth");
    // A call that waits arms a timer.
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime =
        runtime.expect("a runtime of one thread and a timer needs nothing that could be missing");
    let _entered = runtime.enter();
    let breaker = shared(IN_A_ROW);
    breaker.force_open(by());
    let _waiting = wait(calls, || breaker.acquire());
    assert_eq!(breaker.waiting(), calls as usize);
    let start = Instant::now();
    black_box(breaker.resume(by()));
    start.elapsed()
}

/// The place goes to the first call that waits.
fn hand_over(calls: u32) -> Duration {
    let bulkhead = narrow();
    let place = bulkhead.try_acquire().expect("it is new");
    let _waiting = wait(calls, || bulkhead.acquire());
    assert_eq!(bulkhead.queued(), calls as usize);
    let start = Instant::now();
    drop(place);
    start.elapsed()
}

/// A call that finds others waiting joins them and leaves again.
fn one_more(calls: u32) -> Duration {
    let bulkhead = narrow();
    let _place = bulkhead.try_acquire().expect("it is new");
    let _waiting = wait(calls, || bulkhead.acquire());
    let start = Instant::now();
    let one = wait(1, || bulkhead.acquire());
    drop(one);
    start.elapsed()
}

/// One place, and no bound for the calls that wait.
fn narrow() -> Bulkhead {
    let builder = Bulkhead::builder()
        .limit(1)
        .max_queued(usize::MAX)
        .max_wait(Duration::MAX);
    builder.build("narrow").expect("1 is a limit")
}

fn wait<F: Future>(calls: u32, call: impl Fn() -> F) -> Vec<Pin<Box<F>>> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut waiting: Vec<_> = (0..calls).map(|_| Box::pin(call())).collect();
    for call in &mut waiting {
        assert!(
            matches!(call.as_mut().poll(&mut cx), Poll::Pending),
            "nothing admits it yet"
        );
    }
    waiting
}
