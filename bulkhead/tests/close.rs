//! A closed bulkhead refuses callers and waits for the calls in flight.

use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Cause, Drain, Full, Queue, StaticBulkhead};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, task};
use tower::{BoxError, Layer, Service, service_fn};

fn bulkhead(limit: usize) -> Bulkhead {
    Bulkhead::builder()
        .limit(limit)
        .build("test")
        .expect("a limit above zero is legal")
}

#[test]
fn a_closed_bulkhead_refuses_calls_and_says_so() {
    let bulkhead = bulkhead(2);
    let permit = bulkhead.try_acquire().unwrap();
    assert!(!bulkhead.is_closed());
    let mut drained = task::spawn(bulkhead.close());
    assert!(bulkhead.is_closed());
    let full = bulkhead.try_acquire().unwrap_err();
    assert_eq!((full.cause(), full.in_flight()), (Cause::Closed, 1));
    assert_eq!(
        full.to_string(),
        "bulkhead `test` is closed: 1 call in flight of at most 2"
    );
    let waits = assert_ready_err!(task::spawn(bulkhead.acquire()).poll());
    assert_eq!(waits.cause(), Cause::Closed);
    assert_pending!(drained.poll());
    drop(permit);
    assert!(drained.is_woken());
    assert_ready!(drained.poll());
}

#[test]
fn an_idle_bulkhead_is_drained_at_once() {
    let bulkhead = bulkhead(2);
    assert_ready!(task::spawn(bulkhead.close()).poll());
    assert_ready!(task::spawn(bulkhead.close()).poll());
}

#[tokio::test(start_paused = true)]
async fn a_close_wakes_and_refuses_waiting_calls() {
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(8, Duration::from_secs(1)))
        .layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let mut queued = task::spawn(service.call(()));
    assert_pending!(queued.poll());
    let mut waits = task::spawn(bulkhead.acquire());
    assert_pending!(waits.poll());
    let mut gone = task::spawn(bulkhead.acquire());
    assert_pending!(gone.poll());
    advance(Duration::from_millis(200)).await;
    let mut drained = task::spawn(bulkhead.close());
    assert!(queued.is_woken() && waits.is_woken());
    assert_eq!(bulkhead.queued(), 0);
    let error = assert_ready_err!(queued.poll());
    let full = Full::find(error.as_ref()).expect("it was closed");
    assert_eq!(
        (full.cause(), full.waited()),
        (Cause::Closed, Duration::from_millis(200))
    );
    assert_eq!(assert_ready_err!(waits.poll()).cause(), Cause::Closed);
    drop(gone);
    assert_pending!(drained.poll());
    drop(held);
    assert_ready!(drained.poll());
}

#[test]
fn every_drain_of_a_bulkhead_ends() {
    let bulkhead = bulkhead(2);
    let permits = [bulkhead.try_acquire(), bulkhead.try_acquire()].map(Result::unwrap);
    let mut first = task::spawn(bulkhead.close());
    let mut dropped = task::spawn(bulkhead.close());
    let mut last = task::spawn(bulkhead.close());
    assert_pending!(first.poll());
    assert_pending!(dropped.poll());
    assert_pending!(last.poll());
    assert_eq!(bulkhead.queued(), 0, "a drain waits for no place");
    drop(dropped);
    let [one, two] = permits;
    drop(one);
    assert_pending!(first.poll());
    drop(two);
    assert!(first.is_woken() && last.is_woken());
    assert_ready!(first.poll());
    assert_ready!(last.poll());
}

#[test]
fn a_closed_bulkhead_stays_closed() {
    let bulkhead = bulkhead(2);
    drop(bulkhead.close());
    bulkhead.set_limit(9).unwrap();
    bulkhead
        .reconfigure(Bulkhead::builder().limit(3).metrics_only(true))
        .unwrap();
    let full = bulkhead.try_acquire().unwrap_err();
    assert_eq!((full.cause(), full.limit()), (Cause::Closed, 3));
    let waits = assert_ready_err!(task::spawn(bulkhead.acquire()).poll());
    assert_eq!(waits.cause(), Cause::Closed);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[cfg(feature = "family")]
#[test]
fn a_closed_member_of_a_family_is_not_evicted() {
    use tokio_test::assert_ready_ok;

    let tenants = Bulkhead::builder().limit(1).build_family("tenants", 1);
    let tenants = tenants.unwrap();
    drop(tenants.get(&1).close());
    let mut service = BulkheadLayer::new(tenants.by(|key: &u32| *key))
        .layer(service_fn(async |key: u32| Ok::<_, BoxError>(key)));
    assert_ready_ok!(task::spawn(service.call(2)).poll());
    let error = assert_ready_err!(task::spawn(service.call(1)).poll());
    let full = Full::find(error.as_ref()).expect("it is closed");
    assert_eq!(full.cause(), Cause::Closed);
}

#[test]
fn a_static_bulkhead_closes_too() {
    static POOL: StaticBulkhead = Bulkhead::builder().limit(1).build_static("static");
    let permit = POOL.try_acquire().unwrap();
    let mut drained = task::spawn(POOL.close());
    assert_pending!(drained.poll());
    permit.success();
    assert_ready!(drained.poll());
    assert_impl_all!(Drain: Send, Sync, Unpin);
}

#[test]
fn a_panicking_waker_does_not_stop_a_close() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("a waker with a bug");
        }
    }
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().unwrap();
    let waker = std::task::Waker::from(std::sync::Arc::new(Panics));
    let mut context = std::task::Context::from_waker(&waker);
    let mut panics = Box::pin(bulkhead.acquire());
    assert_pending!(Future::poll(panics.as_mut(), &mut context));
    let mut behind = task::spawn(bulkhead.acquire());
    assert_pending!(behind.poll());
    let mut drained = task::spawn(bulkhead.close());
    assert_eq!(assert_ready_err!(behind.poll()).cause(), Cause::Closed);
    assert_pending!(drained.poll());
    drop(held);
    assert_ready!(drained.poll());
}
