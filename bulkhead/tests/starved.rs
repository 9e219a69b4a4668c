//! The bounds of a queue hold in a task that has spent tokio's cooperative budget. On tokio's paused clock.

use std::{
    future::{poll_fn, ready},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Cause, Full, Queue};
use tokio::time::{Instant, advance, sleep};
use tower::{BoxError, Layer, Service, service_fn};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn one_place() -> Bulkhead {
    Bulkhead::builder()
        .limit(1)
        .build("test")
        .expect("a limit of 1 is legal")
}

/// Spends the cooperative budget of the task, which is woken again.
fn spend_budget(cx: &mut Context<'_>) {
    let mut spending = pin!(async {
        loop {
            tokio::task::consume_budget().await;
        }
    });
    assert!(spending.as_mut().poll(cx).is_pending());
}

/// Drives `future` while another task advances the paused clock, which stands still while a task is busy. With
/// `is_spent`, a neighbour in the same task spends the budget before each poll.
async fn ticking<F: Future>(is_spent: bool, future: F) -> F::Output {
    let clock = tokio::spawn(async {
        loop {
            advance(ms(1)).await;
        }
    });
    let began = Instant::now();
    let mut future = pin!(future);
    let output = poll_fn(|cx| {
        assert!(began.elapsed() < ms(5_000), "starved");
        if is_spent {
            spend_budget(cx);
        }
        future.as_mut().poll(cx)
    })
    .await;
    clock.abort();
    output
}

/// With a body where the feature is on, so that one service serves both ends of a call.
#[cfg(feature = "http-body")]
type Response = http::Response<http_body_util::Empty<std::collections::VecDeque<u8>>>;
#[cfg(not(feature = "http-body"))]
type Response = u8;

/// Spends the budget whenever it is asked, and is ready only after a time.
#[derive(Clone)]
struct Busy {
    made: Instant,
    ready_after: Duration,
    polls: Arc<AtomicUsize>,
    /// When it was first asked, in milliseconds.
    first_poll: Arc<AtomicU64>,
}

impl Busy {
    fn new(ready_after: Duration) -> Self {
        Self {
            made: Instant::now(),
            ready_after,
            polls: Arc::default(),
            first_poll: Arc::default(),
        }
    }
}

impl<Req> Service<Req> for Busy {
    type Response = Response;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let at = self.made.elapsed();
        if self.polls.fetch_add(1, SeqCst) == 0 {
            let at = at.as_millis().try_into().expect("a short test");
            self.first_poll.store(at, SeqCst);
        }
        if at >= self.ready_after {
            return Poll::Ready(Ok(()));
        }
        spend_budget(cx);
        Poll::Pending
    }

    fn call(&mut self, _: Req) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

/// Checks that the call was refused for `cause` after 250 ms.
#[track_caller]
fn assert_refused<T>(result: Result<T, BoxError>, cause: Cause) {
    let error = result.err().expect("no place in time");
    let full = Full::find(error.as_ref()).expect("the bulkhead refused it");
    assert_eq!(full.cause(), cause);
    assert!((ms(250)..ms(260)).contains(&full.waited()), "{full:?}");
}

#[tokio::test(start_paused = true)]
async fn queue_wait_ends_without_cooperative_budget() {
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, ms(250)))
        .layer(service_fn(|n: u32| ready(Ok::<_, BoxError>(n))));
    let began = Instant::now();
    assert_refused(ticking(true, service.call(1)).await, Cause::WaitedTooLong);
    assert!((ms(250)..ms(260)).contains(&began.elapsed()));
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn deadline_ends_a_wait_without_cooperative_budget() {
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, Duration::MAX).reserve(ms(50)))
        .deadline(|deadline: &Instant| Some(*deadline))
        .layer(service_fn(|_: Instant| ready(Ok::<_, BoxError>(()))));
    let call = service.call(Instant::now() + ms(300));
    assert_refused(ticking(true, call).await, Cause::DeadlineTooNear);
    assert_eq!(bulkhead.queued(), 0);
}

#[tokio::test(start_paused = true)]
async fn busy_readiness_ends_at_the_bound() {
    for is_spent in [false, true] {
        let bulkhead = one_place();
        let mut service = BulkheadLayer::new(bulkhead.clone())
            .queue(Queue::new(1, ms(250)))
            .layer(Busy::new(Duration::MAX));
        let call = service.call(());
        assert_eq!(bulkhead.in_flight(), 1, "its place comes first");
        assert_refused(ticking(is_spent, call).await, Cause::WaitedTooLong);
        assert_eq!(bulkhead.in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_bound_holds_for_place_and_busy_readiness() {
    for is_spent in [false, true] {
        let bulkhead = one_place();
        let held = bulkhead.try_acquire().unwrap();
        let inner = Busy::new(Duration::MAX);
        let mut service = BulkheadLayer::new(bulkhead.clone())
            .queue(Queue::new(1, ms(250)))
            .layer(inner.clone());
        let call = service.call(());
        tokio::spawn(async move {
            sleep(ms(150)).await;
            drop(held);
        });
        assert_refused(ticking(is_spent, call).await, Cause::WaitedTooLong);
        let first_poll = inner.first_poll.load(SeqCst);
        assert!((150..160).contains(&first_poll), "{first_poll}");
        assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_only_counts_a_wait_without_cooperative_budget() {
    let builder = Bulkhead::builder().limit(1).metrics_only(true);
    let bulkhead = builder.count_rejections(true).build("watched").unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, ms(250)))
        .layer(Busy::new(ms(400)));
    let began = Instant::now();
    ticking(true, service.call(()))
        .await
        .expect("it only counts");
    assert!((ms(400)..ms(410)).contains(&began.elapsed()));
    assert_eq!((bulkhead.rejections(), bulkhead.in_flight()), (1, 0));
}

#[cfg(feature = "http-body")]
#[tokio::test(start_paused = true)]
async fn wait_for_a_body_place_ends_without_budget() {
    let bulkhead = one_place();
    let held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, ms(250)))
        .until_body_end()
        .layer(Busy::new(Duration::MAX));
    let call = service.call(());
    assert_refused(ticking(true, call).await, Cause::WaitedTooLong);
    drop(held);
    let call = service.call(());
    assert_eq!(bulkhead.in_flight(), 1, "its place comes first");
    assert_refused(ticking(true, call).await, Cause::WaitedTooLong);
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
}
