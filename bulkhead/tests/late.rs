//! Calls whose futures are not polled keep no place and no seat beyond their bound. On tokio's paused clock.

use std::{num::NonZeroU32, sync::mpsc, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Cause, Event, Full, Queue};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

const SECOND: Duration = Duration::from_secs(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn bulkhead(limit: usize) -> Bulkhead {
    let builder = Bulkhead::builder().limit(limit);
    builder.build("test").expect("a limit above zero is legal")
}

/// A queue of `length` seats and one second.
fn queued(
    bulkhead: &Bulkhead,
    length: usize,
) -> impl Service<u32, Response = u32, Error = BoxError> + use<> {
    BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(length, SECOND))
        .weight(|places: &u32| NonZeroU32::new(*places).expect("above zero"))
        .layer(service_fn(|n: u32| {
            std::future::ready(Ok::<_, BoxError>(n))
        }))
}

fn full_of(error: &BoxError) -> &Full {
    Full::find(error.as_ref()).expect("the bulkhead refused it")
}

#[tokio::test(start_paused = true)]
async fn a_late_call_that_is_not_polled_is_granted_no_place() {
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().unwrap();
    let mut service = queued(&bulkhead, 10);
    let mut late = task::spawn(service.call(1));
    assert_pending!(late.poll());
    let mut never_polled = task::spawn(service.call(1));
    advance(ms(900)).await;
    let mut next = task::spawn(service.call(1));
    assert_pending!(next.poll());
    advance(ms(200)).await;
    assert_eq!(bulkhead.queued(), 3, "nobody has looked");
    drop(held);
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 1));
    assert!(next.is_woken());
    assert_ready_ok!(next.poll());
    for call in [&mut late, &mut never_polled] {
        let error = assert_ready_err!(call.poll());
        let full = full_of(&error);
        assert_eq!(full.cause(), Cause::WaitedTooLong);
        assert_eq!(full.waited(), ms(1_100));
    }
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_late_call_keeps_no_seat_in_a_full_line() {
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().unwrap();
    let mut service = queued(&bulkhead, 2);
    let mut late: Vec<_> = (0..2).map(|_| task::spawn(service.call(1))).collect();
    for call in &mut late {
        assert_pending!(call.poll());
    }
    advance(SECOND).await;
    let error = assert_ready_err!(task::spawn(service.call(1)).poll());
    assert_eq!(
        full_of(&error).cause(),
        Cause::QueueFull,
        "they are in time"
    );
    advance(ms(20)).await;
    let mut next = task::spawn(service.call(1));
    assert_pending!(next.poll());
    assert_eq!(bulkhead.queued(), 1);
    drop(late);
    drop(held);
    assert_ready_ok!(next.poll());
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn refused_calls_remove_64_late_calls_each() {
    let bulkhead = bulkhead(1);
    let _held = bulkhead.try_acquire().unwrap();
    let mut service = queued(&bulkhead, 150);
    let mut late: Vec<_> = (0..150).map(|_| task::spawn(service.call(1))).collect();
    for call in &mut late {
        assert_pending!(call.poll());
    }
    advance(ms(1_020)).await;
    for left in [86, 22, 0] {
        assert!(bulkhead.try_acquire().is_err());
        assert_eq!(bulkhead.queued(), left);
    }
}

/// A bulkhead whose one place is granted to the newest of 201 calls that are late. None of them is polled again.
async fn granted_behind_200_late_calls() -> (Bulkhead, Vec<impl Sized>) {
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().expect("it is new");
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(300, SECOND).newest_first())
        .layer(service_fn(|n: u32| {
            std::future::ready(Ok::<_, BoxError>(n))
        }));
    let mut calls: Vec<_> = (0..201).map(|_| task::spawn(service.call(1))).collect();
    for (n, call) in calls.iter_mut().enumerate() {
        if n == 200 {
            // The bounds of the others are earlier.
            advance(ms(100)).await;
        }
        assert_pending!(call.poll());
    }
    drop(held);
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (200, 1));
    advance(ms(2_000)).await;
    (bulkhead, calls)
}

#[tokio::test(start_paused = true)]
async fn a_place_granted_behind_many_late_calls_is_found() {
    let (bulkhead, _calls) = granted_behind_200_late_calls().await;
    drop(bulkhead.try_acquire().expect("a late call has the place"));
}

#[tokio::test(start_paused = true)]
async fn close_finds_a_place_behind_many_late_calls() {
    let (bulkhead, _calls) = granted_behind_200_late_calls().await;
    let mut closing = task::spawn(bulkhead.close());
    assert!(closing.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_place_granted_to_a_late_call_goes_to_the_next() {
    for is_polled in [true, false] {
        let bulkhead = bulkhead(1);
        let held = bulkhead.try_acquire().unwrap();
        let mut service = queued(&bulkhead, 10);
        let mut late = task::spawn(service.call(1));
        assert_pending!(late.poll());
        drop(held);
        assert!(late.is_woken());
        advance(SECOND).await;
        assert!(bulkhead.try_acquire().is_err(), "it is in time");
        advance(ms(20)).await;
        let next = bulkhead.try_acquire().expect("the late call is not polled");
        if is_polled {
            let error = assert_ready_err!(late.poll());
            assert_eq!(full_of(&error).cause(), Cause::WaitedTooLong);
        }
        drop(late);
        assert_eq!(bulkhead.in_flight(), 1);
        drop(next);
        assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_heavy_call_does_not_stop_the_line() {
    let bulkhead = bulkhead(2);
    let _held = bulkhead.try_acquire().unwrap();
    let mut service = queued(&bulkhead, 10);
    let mut heavy = task::spawn(service.call(2));
    assert_pending!(heavy.poll());
    assert!(bulkhead.try_acquire().is_err());
    advance(ms(1_020)).await;
    let _light = bulkhead.try_acquire().expect("a place is free");
    let error = assert_ready_err!(heavy.poll());
    assert_eq!(full_of(&error).cause(), Cause::WaitedTooLong);
}

#[tokio::test(start_paused = true)]
async fn a_late_call_tells_of_its_deadline() {
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().unwrap();
    let deadline = Instant::now() + ms(300);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, Duration::MAX))
        .deadline(move |_: &u32| Some(deadline))
        .layer(service_fn(|n: u32| {
            std::future::ready(Ok::<_, BoxError>(n))
        }));
    let mut late = task::spawn(service.call(1));
    assert_pending!(late.poll());
    advance(ms(301)).await;
    drop(held);
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
    let error = assert_ready_err!(late.poll());
    assert_eq!(full_of(&error).cause(), Cause::DeadlineTooNear);
}

#[tokio::test(start_paused = true)]
async fn a_place_granted_without_a_bound_is_kept() {
    let bulkhead = bulkhead(1);
    let held = bulkhead.try_acquire().unwrap();
    let mut waits = task::spawn(bulkhead.acquire());
    assert_pending!(waits.poll());
    drop(held);
    advance(3_600 * SECOND).await;
    assert!(bulkhead.try_acquire().is_err());
    drop(assert_ready_ok!(waits.poll()));
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_late_call_is_the_refusal_it_gets() {
    let bulkhead = bulkhead(1);
    let (to, events) = mpsc::channel();
    let _listener = bulkhead.on_event(move |event| to.send(event.clone()).unwrap());
    let held = bulkhead.try_acquire().unwrap();
    let mut service = queued(&bulkhead, 1);
    let mut late = task::spawn(service.call(1));
    assert_pending!(late.poll());
    advance(ms(1_100)).await;
    drop(held);
    let error = assert_ready_err!(late.poll());
    let full = full_of(&error);
    assert_eq!(full.waited(), ms(1_100));
    let told: Vec<_> = events.try_iter().collect();
    assert_eq!(told, [Event::Rejected(full.clone())]);
}
