//! A bulkhead whose callers wait, or may not.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use maestro_bulkhead::{Builder, Bulkhead, BulkheadLayer, Queue, StaticBulkhead};
use tower::Layer;

use super::{
    bulkhead::QUEUE,
    floors::{READY, TWO_CALLS},
};
use crate::{
    Request, Response, Row, Trouble,
    drive::Measurable,
    inner::{Nothing, PendingOnce},
};

const ONE: Builder = Bulkhead::builder().limit(1).max_wait(Duration::MAX);

static FULL: StaticBulkhead = ONE.build_static("full, queue");
static NARROW: StaticBulkhead = ONE.build_static("narrow");

/// In the rows of a full queue, the one place in it is taken.
const SHORT: Queue = Queue::new(1, Duration::from_secs(1));

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::service("bulkhead, queue, full, Arc", READY, || {
            let narrow = narrow();
            let place = narrow.try_acquire().expect("it is new");
            occupy(place, narrow.acquire());
            BulkheadLayer::new(narrow).queue(SHORT).layer(Nothing)
        })
        .bad_in_16(16),
        Row::service("bulkhead, queue, full, static", READY, || {
            // The first row that is created fills it for all.
            if let Ok(place) = FULL.try_acquire() {
                occupy(place, FULL.acquire());
            }
            BulkheadLayer::new(&FULL).queue(SHORT).layer(Nothing)
        })
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

/// Keeps the place for ever, and a caller that waits for it.
fn occupy(place: impl Sized, waits: impl Future + Unpin + 'static) {
    std::mem::forget(place);
    let waits = Box::leak(Box::new(waits));
    let polled = Pin::new(waits).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "the place is taken");
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
