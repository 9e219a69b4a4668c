//! Calls that wait: for a transition of a breaker, for a place of a bulkhead.

use std::{
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Queue, QueueService};
use maestro_circuit_breaker::Override;
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};
use tower::{Layer, Service};

use super::Growth;
use crate::{
    Request,
    inner::Nothing,
    rows::breaker::{IN_A_ROW, shared},
};

const WAITERS: &[u32] = &[10, 1_000, 100_000];

/// A bound later than the end of every measurement.
const LONG: Duration = Duration::from_hours(1);

pub(super) fn all() -> [Growth; 7] {
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
        Growth::prepared(
            "bulkhead, a place is given back, calls that wait with a bound",
            WAITERS,
            hand_over_before_bounds,
        ),
        Growth::prepared(
            "bulkhead, one more call waits, calls that wait with a bound",
            WAITERS,
            one_more_with_a_bound,
        ),
        Growth::prepared(
            "bulkhead, a refused call, calls that are late",
            WAITERS,
            late,
        ),
        Growth::prepared("bulkhead, close, calls that wait", WAITERS, close),
    ]
}

/// The transition wakes the first of the calls that wait. They run later, in their tasks, and wake the others.
fn transition(calls: u32) -> Duration {
    let by = || Override::new("bench", "growth");
    let runtime = timer();
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

fn hand_over_before_bounds(calls: u32) -> Duration {
    let runtime = timer();
    let _entered = runtime.enter();
    let bulkhead = narrow();
    let place = bulkhead.try_acquire().expect("it is new");
    let _waiting = wait(calls, bounded(&bulkhead, LONG));
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

/// Its bound is the earliest of all.
fn one_more_with_a_bound(calls: u32) -> Duration {
    let runtime = timer();
    let _entered = runtime.enter();
    let bulkhead = narrow();
    let _place = bulkhead.try_acquire().expect("it is new");
    let _waiting = wait(calls, bounded(&bulkhead, LONG));
    let earlier = bounded(&bulkhead, LONG / 2);
    let start = Instant::now();
    let one = wait(1, earlier);
    drop(one);
    start.elapsed()
}

/// All are late when the measured call is refused: each refused call removes some of them.
fn late(calls: u32) -> Duration {
    // Later than the last call joins, which would remove late ones itself.
    let bound = Duration::from_millis(20) + Duration::from_micros(10) * calls;
    let runtime = timer();
    let _entered = runtime.enter();
    let bulkhead = narrow();
    let _place = bulkhead.try_acquire().expect("it is new");
    let _waiting = wait(calls, bounded(&bulkhead, bound));
    runtime.block_on(tokio::time::sleep(bound + Duration::from_millis(20)));
    let start = Instant::now();
    let refused = bulkhead.try_acquire();
    let took = start.elapsed();
    assert!(refused.is_err() && bulkhead.queued() < calls as usize);
    took
}

/// Wakes every call that waits.
fn close(calls: u32) -> Duration {
    let bulkhead = narrow();
    let _place = bulkhead.try_acquire().expect("it is new");
    let _waiting = wait(calls, || bulkhead.acquire());
    let start = Instant::now();
    drop(bulkhead.close());
    let took = start.elapsed();
    assert_eq!(bulkhead.queued(), 0);
    took
}

/// Calls through a queue without a longest length.
fn bounded(bulkhead: &Bulkhead, wait: Duration) -> impl Fn() -> Bounded + use<> {
    let queue = Queue::new(usize::MAX, wait);
    let service = BulkheadLayer::new(bulkhead.clone())
        .queue(queue)
        .layer(Nothing);
    move || service.clone().call(0)
}

type Bounded = <QueueService<Nothing> as Service<Request>>::Future;

/// A call that waits arms a timer.
fn timer() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime of one thread and a timer needs nothing that could be missing")
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
