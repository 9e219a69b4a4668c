//! A queue with the bounds of its bulkhead: they change while calls run. On tokio's paused clock.

use std::{
    future::{Pending, pending},
    task::{Context, Poll},
    time::Duration,
};

use maestro_bulkhead::{Builder, Bulkhead, BulkheadLayer, Cause, Full, Permit, Queue};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{BoxError, Layer, Service, service_fn};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One place, two seats, and a wait of 100 ms.
const NUMBERS: Builder = Bulkhead::builder()
    .limit(1)
    .max_queued(2)
    .max_wait(millis(100));

/// A bulkhead whose place is taken.
fn full() -> (Bulkhead, Permit) {
    let bulkhead = NUMBERS.build("test").expect("legal numbers");
    let held = bulkhead.try_acquire().expect("there is room");
    (bulkhead, held)
}

fn behind(bulkhead: &Bulkhead, queue: Queue) -> impl Service<(), Response = (), Error = BoxError> {
    let inner = service_fn(|()| pending::<Result<(), BoxError>>());
    BulkheadLayer::new(bulkhead.clone())
        .queue(queue)
        .layer(inner)
}

fn cause_of(error: &BoxError) -> Cause {
    let full = Full::find(error.as_ref()).expect("the bulkhead refused it");
    full.cause()
}

#[tokio::test(start_paused = true)]
async fn another_length_applies_to_the_calls_to_come() {
    let (bulkhead, _held) = full();
    let mut service = behind(&bulkhead, Queue::of_bulkhead());
    let mut line = [(); 2].map(|()| task::spawn(service.call(())));
    for call in &mut line {
        assert_pending!(call.poll());
    }
    let refused = assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(cause_of(&refused), Cause::QueueFull);

    bulkhead.reconfigure(NUMBERS.max_queued(3)).unwrap();
    let mut third = task::spawn(service.call(()));
    assert_pending!(third.poll());

    bulkhead.reconfigure(NUMBERS.max_queued(1)).unwrap();
    assert_eq!(bulkhead.queued(), 3, "those that wait stay");
    drop(third);
    drop(line);
    let mut first = task::spawn(service.call(()));
    assert_pending!(first.poll());
    let refused = assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(cause_of(&refused), Cause::QueueFull);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_keeps_the_wait_that_it_began_with() {
    let (bulkhead, _held) = full();
    let mut service = behind(&bulkhead, Queue::of_bulkhead());
    let began = Instant::now();
    let early = service.call(());
    bulkhead.reconfigure(NUMBERS.max_wait(millis(30))).unwrap();
    let late = service.call(());
    let refused = late.await.unwrap_err();
    assert_eq!(cause_of(&refused), Cause::WaitedTooLong);
    assert_eq!(began.elapsed(), millis(30));
    early.await.unwrap_err();
    assert_eq!(began.elapsed(), millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_loses_its_place_in_time() {
    let (bulkhead, held) = full();
    bulkhead.reconfigure(NUMBERS.max_wait(millis(30))).unwrap();
    let mut service = behind(&bulkhead, Queue::of_bulkhead());
    let _kept = service.call(());
    drop(held); // grants it the place
    assert!(bulkhead.try_acquire().is_err());
    advance(millis(60)).await;
    assert!(bulkhead.try_acquire().is_ok());
}

/// Is never ready.
#[derive(Clone)]
struct Unready;

impl Service<()> for Unready {
    type Response = ();
    type Error = BoxError;
    type Future = Pending<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        pending()
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_inner_service_has_the_same_bound() {
    let bulkhead = NUMBERS.build("test").unwrap();
    let layer = BulkheadLayer::new(bulkhead.clone()).queue(Queue::of_bulkhead());
    let an_hour = Instant::now() + Duration::from_secs(3_600);
    let mut plain = layer.clone().layer(Unready);
    let mut with_deadline = layer.deadline(move |&(): &()| Some(an_hour)).layer(Unready);
    for wait in [30, 70] {
        let to = NUMBERS.max_wait(millis(wait));
        bulkhead.reconfigure(to).unwrap();
        let began = Instant::now();
        let refused = plain.call(()).await.unwrap_err();
        assert_eq!(cause_of(&refused), Cause::WaitedTooLong);
        with_deadline.call(()).await.unwrap_err();
        assert_eq!(began.elapsed(), 2 * millis(wait));
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_with_own_bounds_keeps_them() {
    let (bulkhead, _held) = full();
    let mut own = behind(&bulkhead, Queue::new(5, millis(70)));
    let mut common = behind(&bulkhead, Queue::of_bulkhead());
    let none = NUMBERS.max_queued(0).max_wait(Duration::ZERO);
    bulkhead.reconfigure(none).unwrap();
    let refused = common.call(()).await.unwrap_err();
    assert_eq!(cause_of(&refused), Cause::QueueFull);
    let began = Instant::now();
    let refused = own.call(()).await.unwrap_err();
    assert_eq!(cause_of(&refused), Cause::WaitedTooLong);
    assert_eq!(began.elapsed(), millis(70));
}

#[tokio::test(start_paused = true)]
async fn the_longest_waits_have_no_end() {
    let (bulkhead, _held) = full();
    let mut service = behind(&bulkhead, Queue::of_bulkhead());
    let years = |n: u64| Duration::from_secs(n * 365 * 86_400);
    for wait in [Duration::MAX, years(585)] {
        bulkhead.reconfigure(NUMBERS.max_wait(wait)).unwrap();
        let mut call = task::spawn(service.call(()));
        advance(years(1)).await;
        assert_pending!(call.poll());
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_is_that_of_the_layer() {
    let (bulkhead, held) = full();
    let mut service = behind(&bulkhead, Queue::of_bulkhead().newest_first());
    let mut older = task::spawn(service.call(()));
    let mut newer = task::spawn(service.call(()));
    assert_pending!(older.poll());
    assert_pending!(newer.poll());
    bulkhead.reconfigure(NUMBERS).unwrap();
    drop(held);
    assert!(newer.is_woken() && !older.is_woken());
}
