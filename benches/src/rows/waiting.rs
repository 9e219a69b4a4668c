//! A bulkhead whose callers wait, or may not.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use maestro_bulkhead::{Builder, Bulkhead, BulkheadLayer, Queue, StaticBulkhead};
use tower::{Layer, Service};

use super::{
    bulkhead::QUEUE,
    floors::{REFUSED, TWO_CALLS},
};
use crate::{
    Request, Response, Row, Trouble,
    drive::Measurable,
    inner::{Nothing, PendingOnce},
};

const ONE: Builder = Bulkhead::builder().limit(1).max_wait(Duration::MAX);

static FULL: StaticBulkhead = ONE.build_static("full, queue");
static FULL_UNBOUNDED: StaticBulkhead = ONE.build_static("full, queue without a bound");
static NARROW: StaticBulkhead = ONE.build_static("narrow");

/// In the rows of a full queue, the one place in it is taken. The bound is later than the end of every measurement.
const BOUNDED: Queue = Queue::new(1, Duration::from_hours(1));
const UNBOUNDED: Queue = Queue::new(1, Duration::MAX);

pub(super) fn rows() -> Vec<Row> {
    vec![
        // The usual case: a queue has a longest wait by default. The first row that is created fills a `static` for all.
        Row::service(
            "bulkhead, queue, full, a bounded call waits, Arc",
            REFUSED,
            || full(BulkheadLayer::new(narrow()).queue(BOUNDED).layer(Nothing)),
        )
        .bad_in_16(16),
        Row::service(
            "bulkhead, queue, full, a bounded call waits, static",
            REFUSED,
            || {
                let service = BulkheadLayer::new(&FULL).queue(BOUNDED).layer(Nothing);
                if FULL.queued() == 0 {
                    full(service)
                } else {
                    service
                }
            },
        )
        .bad_in_16(16),
        Row::service(
            "bulkhead, queue, full, an unbounded call waits, Arc",
            REFUSED,
            || full(BulkheadLayer::new(narrow()).queue(UNBOUNDED).layer(Nothing)),
        )
        .bad_in_16(16),
        Row::service(
            "bulkhead, queue, full, an unbounded call waits, static",
            REFUSED,
            || {
                let layer = BulkheadLayer::new(&FULL_UNBOUNDED).queue(UNBOUNDED);
                let service = layer.layer(Nothing);
                if FULL_UNBOUNDED.queued() == 0 {
                    full(service)
                } else {
                    service
                }
            },
        )
        .bad_in_16(16),
        Row::object(
            "bulkhead, queue, one of two calls waits, Arc",
            TWO_CALLS,
            || two_calls(BulkheadLayer::new(narrow()).queue(QUEUE).layer(PendingOnce)),
        )
        .timed(),
        Row::object(
            "bulkhead, queue, one of two calls waits, static",
            TWO_CALLS,
            || two_calls(BulkheadLayer::new(&NARROW).queue(QUEUE).layer(PendingOnce)),
        )
        .timed(),
    ]
}

fn narrow() -> Bulkhead {
    ONE.build("narrow").expect("1 is a limit")
}

/// Keeps the place for ever with one call, and the place in the queue with another one.
fn full<S: Service<Request>>(mut service: S) -> S {
    for _ in 0..2 {
        std::mem::forget(service.call(0));
    }
    service
}

/// Two calls at a time. The first one is pending when the second one begins, and ends before it.
pub(super) fn two_calls<S: Measurable>(
    mut service: S,
) -> impl FnMut(Request) -> Result<Response, Trouble> + Clone + Send + 'static {
    move |request| {
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = pin!(service.call(request));
        let mut second = pin!(service.call(request));
        let begun = first.as_mut().poll(&mut cx).is_pending();
        let waits = second.as_mut().poll(&mut cx).is_pending();
        debug_assert!(begun && waits, "both are pending once");
        if let Poll::Ready(Err(trouble)) = first.as_mut().poll(&mut cx) {
            return Err(trouble);
        }
        loop {
            if let Poll::Ready(result) = second.as_mut().poll(&mut cx) {
                return result;
            }
        }
    }
}
