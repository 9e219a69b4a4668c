//! Calls that take several places.

use std::{cell::Cell, num::NonZeroU32, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Cause, Full, Gradient2, Outcome, Queue};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

fn bulkhead(limit: usize) -> Bulkhead {
    Bulkhead::builder()
        .limit(limit)
        .build("test")
        .expect("a limit above zero is legal")
}

fn places(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("above zero")
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a layer gives a reference"
)]
fn weight(request: &u32) -> NonZeroU32 {
    places(*request)
}

#[test]
fn a_permit_of_many_places_takes_and_gives_all_at_once() {
    let bulkhead = bulkhead(4);
    let three = bulkhead.try_acquire_many(places(3)).unwrap();
    assert_eq!(bulkhead.in_flight(), 3);
    let full = bulkhead.try_acquire_many(places(2)).unwrap_err();
    assert_eq!(
        (full.cause(), full.in_flight(), full.places()),
        (Cause::AtLimit, 3, None)
    );
    let _one = bulkhead.try_acquire().unwrap();
    three.finish(Outcome::Overload);
    assert_eq!((bulkhead.in_flight(), bulkhead.overloads()), (1, 1));
}

#[test]
fn a_call_above_the_limit_is_too_heavy() {
    let bulkhead = bulkhead(4);
    let full = bulkhead.try_acquire_many(places(5)).unwrap_err();
    assert_eq!((full.cause(), full.places()), (Cause::TooHeavy, Some(5)));
    assert_eq!(full.waited(), Duration::ZERO);
    assert_eq!(
        full.to_string(),
        "a call of 5 places does not fit into bulkhead `test`: 0 calls in flight of at most 4"
    );
    let waits = assert_ready_err!(task::spawn(bulkhead.acquire_many(places(5))).poll());
    assert_eq!(waits.cause(), Cause::TooHeavy, "it would wait for ever");
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    for limit in [1 << 30, usize::MAX] {
        bulkhead.set_limit(limit).unwrap();
        let full = bulkhead.try_acquire_many(NonZeroU32::MAX).unwrap_err();
        assert_eq!(full.places(), Some(u32::MAX as usize));
    }
}

#[test]
fn a_light_caller_does_not_overtake_a_heavy_one() {
    let bulkhead = bulkhead(2);
    let held = bulkhead.try_acquire().unwrap();
    let mut heavy = task::spawn(bulkhead.acquire_many(places(2)));
    assert_pending!(heavy.poll());
    let mut light = task::spawn(bulkhead.acquire());
    assert_pending!(light.poll());
    assert!(bulkhead.try_acquire().is_err(), "though a place is free");
    drop(held);
    let two = assert_ready_ok!(heavy.poll());
    assert_pending!(light.poll());
    drop(two);
    drop(assert_ready_ok!(light.poll()));
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[test]
fn a_heavy_waiter_that_gives_up_lets_the_others_in() {
    let bulkhead = bulkhead(2);
    let _held = bulkhead.try_acquire().unwrap();
    let mut heavy = task::spawn(bulkhead.acquire_many(places(2)));
    assert_pending!(heavy.poll());
    let mut light = task::spawn(bulkhead.acquire());
    assert_pending!(light.poll());
    drop(heavy);
    assert!(light.is_woken());
    let _light = assert_ready_ok!(light.poll());
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (2, 0));
}

#[test]
fn a_limit_below_a_waiting_weight_refuses_that_call() {
    let bulkhead = bulkhead(4);
    let three = bulkhead.try_acquire_many(places(3)).unwrap();
    let mut heavy = task::spawn(bulkhead.acquire_many(places(4)));
    assert_pending!(heavy.poll());
    let mut light = task::spawn(bulkhead.acquire());
    assert_pending!(light.poll());
    bulkhead.set_limit(3).unwrap();
    assert!(heavy.is_woken());
    let full = assert_ready_err!(heavy.poll());
    assert_eq!((full.cause(), full.places()), (Cause::TooHeavy, Some(4)));
    assert_eq!(bulkhead.queued(), 1, "it does not stop the line");
    bulkhead.set_limit(2).unwrap();
    assert_eq!(bulkhead.in_flight(), 3, "what is in flight stays");
    assert_pending!(light.poll());
    drop(three);
    let _light = assert_ready_ok!(light.poll());
}

#[test]
fn a_layer_weighs_each_request() {
    let bulkhead = bulkhead(4);
    let inner = bulkhead.clone();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .weight(weight)
        .layer(service_fn(move |_: u32| {
            std::future::ready(Ok::<_, BoxError>(inner.in_flight()))
        }));
    for n in [1, 4, 2] {
        let inside = assert_ready_ok!(task::spawn(service.call(n)).poll());
        assert_eq!((inside, bulkhead.in_flight()), (n as usize, 0));
    }
    let error = assert_ready_err!(task::spawn(service.call(5)).poll());
    let full = Full::find(error.as_ref()).expect("the bulkhead refused it");
    assert_eq!(full.cause(), Cause::TooHeavy);
}

#[tokio::test(start_paused = true)]
async fn a_heavy_call_waits_in_a_queue_for_all_its_places() {
    let bulkhead = bulkhead(3);
    let held = [bulkhead.try_acquire(), bulkhead.try_acquire()].map(Result::unwrap);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .weight(weight)
        .queue(Queue::new(2, Duration::from_secs(1)))
        .layer(service_fn(async |n: u32| Ok::<_, BoxError>(n)));
    let mut waits = task::spawn(service.call(3));
    assert_pending!(waits.poll());
    let [first, second] = held;
    drop(first);
    assert_pending!(waits.poll());
    advance(Duration::from_millis(300)).await;
    drop(second);
    assert_eq!(assert_ready_ok!(waits.poll()), 3);
    assert_eq!(bulkhead.in_flight(), 0);

    let _held = bulkhead.try_acquire().unwrap();
    let mut late = task::spawn(service.call(3));
    assert_pending!(late.poll());
    advance(Duration::from_secs(1)).await;
    let error = assert_ready_err!(late.poll());
    let full = Full::find(error.as_ref()).expect("the queue refused it");
    assert_eq!(full.cause(), Cause::WaitedTooLong);
    assert_eq!(
        (full.waited(), full.in_flight()),
        (Duration::from_secs(1), 1)
    );
}

#[cfg(feature = "family")]
#[test]
fn a_static_bulkhead_and_a_family_have_weights_too() {
    use maestro_bulkhead::StaticBulkhead;
    static POOL: StaticBulkhead = Bulkhead::builder().limit(3).build_static("static");
    let echo = service_fn(async |n: u32| Ok::<_, BoxError>(n));
    let mut service = BulkheadLayer::new(&POOL).weight(weight).layer(echo);
    let _two = POOL.try_acquire_many(places(2)).unwrap();
    assert_ready_ok!(task::spawn(service.call(1)).poll());
    assert_ready_err!(task::spawn(service.call(2)).poll());
    assert_pending!(task::spawn(POOL.acquire_many(places(2))).poll());

    let tenants = Bulkhead::builder().limit(3).build_family("tenants", 8);
    let tenants = tenants.unwrap();
    let mut service = BulkheadLayer::new(tenants.by(|n: &u32| n % 2))
        .queue(Queue::new(1, Duration::from_secs(1)))
        .weight(weight)
        .layer(service_fn(async |n: u32| {
            std::future::pending::<()>().await;
            Ok::<_, BoxError>(n)
        }));
    let _odd = task::spawn(service.call(3));
    let _even = task::spawn(service.call(2));
    assert_eq!(tenants.get(&1).in_flight(), 3);
    assert_eq!(tenants.get(&0).in_flight(), 2);
}

#[test]
fn a_bulkhead_that_only_counts_admits_heavy_calls() {
    let builder = Bulkhead::builder().limit(2).metrics_only(true);
    let bulkhead = builder.build("test").unwrap();
    let permits = [1, 3, 8].map(|n| bulkhead.try_acquire_many(places(n)).unwrap());
    assert_eq!((bulkhead.in_flight(), bulkhead.rejections()), (12, 2));
    drop(permits);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn permits_of_many_places_are_send_and_static() {
    assert_impl_all!(maestro_bulkhead::Permit<maestro_bulkhead::Many<std::sync::Arc<maestro_bulkhead::Core>>>: Send, Sync);
    let adaptive = Bulkhead::builder().limit(4);
    let adaptive = adaptive.build_adaptive("a", Gradient2::new()).unwrap();
    let permit = adaptive.try_acquire_many(places(3)).unwrap();
    assert_eq!(adaptive.in_flight(), 3);
    permit.success();
    assert_eq!(adaptive.in_flight(), 0);
}

#[test]
fn a_panic_in_the_weight_takes_no_place() {
    let bulkhead = bulkhead(1);
    let first = Cell::new(true);
    let first = &first;
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .weight(move |_: &u32| {
            assert!(!first.replace(false), "a bug of the user");
            NonZeroU32::MIN
        })
        .layer(service_fn(async |n: u32| Ok::<_, BoxError>(n)));
    let call = std::panic::AssertUnwindSafe(|| drop(service.call(1)));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(bulkhead.in_flight(), 0);
    assert_ready_ok!(task::spawn(service.call(1)).poll());
}
