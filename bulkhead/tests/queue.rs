//! Waiting: order, bounds and deadlines; nothing is lost or hoarded. On tokio's paused clock.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use maestro_bulkhead::{
    Acquire, Bulkhead, BulkheadLayer, Cause, Full, Outcome, Permit, Queue, QueueService,
    future::QueueFuture,
};
use static_assertions::assert_impl_all;
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock;

const SECOND: Duration = Duration::from_secs(1);

fn one_place() -> Bulkhead {
    Bulkhead::builder()
        .limit(1)
        .build("test")
        .expect("a limit of 1 is legal")
}

fn hold(bulkhead: &Bulkhead) -> Permit {
    bulkhead.try_acquire().expect("there is room")
}

/// An inner service that answers at once.
fn echo() -> impl Service<u32, Response = u32, Error = BoxError, Future: Unpin> + Clone {
    service_fn(|n: u32| std::future::ready(Ok::<_, BoxError>(n)))
}

fn full_of(error: &BoxError) -> &Full {
    Full::find(error.as_ref()).expect("the bulkhead refused it")
}

// === Without tower ===

#[test]
fn waiters_are_served_in_the_order_of_arrival() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let mut first = task::spawn(bulkhead.acquire());
    let mut second = task::spawn(bulkhead.acquire());
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    assert_eq!(bulkhead.queued(), 2);
    drop(held);
    assert!(first.is_woken() && !second.is_woken());
    assert_pending!(second.poll());
    let permit = assert_ready_ok!(first.poll());
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (1, 1));
    drop(permit);
    assert!(second.is_woken());
    drop(assert_ready_ok!(second.poll()));
}

#[test]
fn no_caller_overtakes_a_waiter() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let mut waiter = task::spawn(bulkhead.acquire());
    assert_pending!(waiter.poll());
    drop(held);
    assert!(bulkhead.try_acquire().is_err(), "the place is the waiter's");
    drop(assert_ready_ok!(waiter.poll()));
}

#[test]
fn a_dropped_waiter_passes_its_wake_up_on() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let mut waiters: Vec<_> = (0..4).map(|_| task::spawn(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert_pending!(waiter.poll());
    }
    drop(waiters.remove(1)); // from the middle
    assert_eq!(bulkhead.queued(), 3);
    drop(held);
    drop(waiters.remove(0)); // which was just granted its place
    assert!(waiters[0].is_woken() && !waiters[1].is_woken());
    drop(assert_ready_ok!(waiters[0].poll()));
    drop(assert_ready_ok!(waiters[1].poll()));
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn the_line_of_acquire_is_bounded() {
    let bulkhead = Bulkhead::builder()
        .limit(1)
        .max_queued(1)
        .build("b")
        .unwrap();
    let _held = hold(&bulkhead);
    let mut first = task::spawn(bulkhead.acquire());
    assert_pending!(first.poll());
    let full = assert_ready_err!(task::spawn(bulkhead.acquire()).poll());
    assert_eq!((full.cause(), full.queued()), (Cause::QueueFull, 1));
    assert_eq!(bulkhead.try_acquire().unwrap_err().queued(), 1);
    let none = Bulkhead::builder()
        .limit(1)
        .max_queued(0)
        .build("b")
        .unwrap();
    let _held = hold(&none);
    assert_ready_err!(task::spawn(none.acquire()).poll());
}

/// A waker that is the last reference to its task: dropping it drops what the task holds.
struct LastOfATask(#[expect(dead_code, reason = "held, and dropped")] Acquire);

impl Wake for LastOfATask {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn dropping_a_waker_may_leave_the_same_line() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let bulkhead = one_place();
        let _held = hold(&bulkhead);
        let mut quiet = Context::from_waker(Waker::noop());
        for replaced in [true, false] {
            let mut held_by_task = bulkhead.acquire();
            assert!(Pin::new(&mut held_by_task).poll(&mut quiet).is_pending());
            let waker = Waker::from(Arc::new(LastOfATask(held_by_task)));
            let mut waits = bulkhead.acquire();
            let polled = Pin::new(&mut waits).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            drop(waker);
            assert_eq!(bulkhead.queued(), 2);
            if replaced {
                assert!(Pin::new(&mut waits).poll(&mut quiet).is_pending());
                assert_eq!(bulkhead.queued(), 1);
            }
            drop(waits);
            assert_eq!(bulkhead.queued(), 0);
        }
        done.send(()).expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    is_done
        .recv_timeout(Duration::from_secs(20))
        .expect("a waker is dropped outside the lock");
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("in the waker")
    }
}

#[test]
fn a_panicking_waker_does_not_reach_the_releasing_call() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let mut first = Box::pin(bulkhead.acquire());
    let waker = Arc::new(Panics).into();
    assert_pending!(first.as_mut().poll(&mut Context::from_waker(&waker)));
    let mut second = task::spawn(bulkhead.acquire());
    assert_pending!(second.poll());
    drop(held);
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 1));
    drop(first);
    drop(assert_ready_ok!(second.poll()));
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[test]
fn a_lowered_limit_keeps_the_calls_in_flight() {
    let bulkhead = Bulkhead::builder().limit(3).build("b").unwrap();
    let mut held: Vec<_> = (0..3).map(|_| hold(&bulkhead)).collect();
    bulkhead.set_limit(1).unwrap();
    assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (1, 3));
    assert!((bulkhead.utilisation() - 3.0).abs() < 1e-9);
    for in_flight in [2, 1] {
        held.pop();
        assert_eq!(bulkhead.in_flight(), in_flight);
        assert!(bulkhead.try_acquire().is_err());
    }
    held.pop();
    assert!(bulkhead.try_acquire().is_ok());
    assert!(bulkhead.set_limit(0).is_err());
    assert_eq!(bulkhead.limit(), 1);
}

#[test]
fn a_raised_limit_admits_the_first_waiters() {
    let bulkhead = one_place();
    let _held = hold(&bulkhead);
    let mut waiters: Vec<_> = (0..4).map(|_| task::spawn(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert_pending!(waiter.poll());
    }
    bulkhead.set_limit(3).unwrap();
    let woken: Vec<_> = waiters.iter().map(task::Spawn::is_woken).collect();
    assert_eq!(woken, [true, true, false, false]);
    bulkhead.set_limit(usize::MAX).unwrap();
    assert!(waiters.iter().all(task::Spawn::is_woken));
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (5, 0));
}

#[test]
fn reconfigure_keeps_calls_and_waiters() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let mut waiter = task::spawn(bulkhead.acquire());
    assert_pending!(waiter.poll());
    let refused = bulkhead.reconfigure(Bulkhead::builder().limit(0));
    assert!(refused.is_err());
    assert_eq!((bulkhead.limit(), bulkhead.queued()), (1, 1));
    bulkhead
        .reconfigure(Bulkhead::builder().limit(2).count_rejections(true))
        .unwrap();
    drop(assert_ready_ok!(waiter.poll()));
    drop(held);
    let _full = (hold(&bulkhead), hold(&bulkhead));
    assert!(bulkhead.try_acquire().is_err());
    assert_eq!(bulkhead.rejections(), 1);
}

#[test]
fn reconfigure_bounds_the_line() {
    let bulkhead = one_place();
    let _held = hold(&bulkhead);
    let shorter = Bulkhead::builder().limit(1).max_queued(0);
    bulkhead.reconfigure(shorter).unwrap();
    assert_ready_err!(task::spawn(bulkhead.acquire()).poll());
}

#[test]
fn a_metrics_only_bulkhead_refuses_nothing_and_counts() {
    let watching = Bulkhead::builder().limit(1).metrics_only(true);
    let bulkhead = watching.build("b").unwrap();
    let held = (hold(&bulkhead), hold(&bulkhead), hold(&bulkhead));
    drop(assert_ready_ok!(task::spawn(bulkhead.acquire()).poll()));
    assert_eq!((bulkhead.in_flight(), bulkhead.rejections()), (3, 3));
    bulkhead.reconfigure(watching.metrics_only(false)).unwrap();
    assert!(bulkhead.try_acquire().is_err());
    drop(held);
    let _held = hold(&bulkhead);
    let mut waiter = task::spawn(bulkhead.acquire());
    assert_pending!(waiter.poll());
    bulkhead.reconfigure(watching).unwrap();
    drop(assert_ready_ok!(waiter.poll()));
}

/// A waker that ends the mode in which the bulkhead only counts.
struct EndsCounting(Bulkhead);

impl Wake for EndsCounting {
    fn wake(self: Arc<Self>) {
        let numbers = Bulkhead::builder().limit(1);
        self.0.reconfigure(numbers).expect("legal numbers");
    }
}

#[test]
fn the_end_of_counting_admits_no_further_waiter() {
    let counting = Bulkhead::builder().limit(1).metrics_only(true);
    let bulkhead = Bulkhead::builder().limit(1).build("b").unwrap();
    let held = hold(&bulkhead);
    let waker = Waker::from(Arc::new(EndsCounting(bulkhead.clone())));
    let mut first = bulkhead.acquire();
    let polled = Pin::new(&mut first).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut second = task::spawn(bulkhead.acquire());
    assert_pending!(second.poll());
    bulkhead.reconfigure(counting).unwrap();
    assert_pending!(second.poll());
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (2, 1));
    drop((held, first));
    drop(assert_ready_ok!(second.poll()));
}

#[test]
fn run_holds_a_place_while_it_runs() {
    static STATIC: maestro_bulkhead::StaticBulkhead =
        Bulkhead::builder().limit(1).build_static("static");
    let bulkhead = one_place();
    let inside = bulkhead.clone();
    let mut run = task::spawn(bulkhead.run(|| async move {
        assert_eq!(inside.in_flight(), 1);
        std::future::pending::<()>().await;
        Ok::<_, Full>(())
    }));
    assert_pending!(run.poll());
    assert!(bulkhead.run_blocking(|| Ok::<_, Full>(())).is_err());
    drop(run);
    bulkhead
        .run_blocking(|| {
            assert_eq!(bulkhead.in_flight(), 1);
            Ok::<_, Full>(())
        })
        .unwrap();
    assert_ready_ok!(task::spawn(STATIC.run(async || Ok::<_, Full>(()))).poll());
    STATIC.run_blocking(|| Ok::<_, Full>(())).unwrap();
    drop(assert_ready_ok!(task::spawn(STATIC.acquire()).poll()));
    assert_eq!((bulkhead.in_flight(), STATIC.in_flight()), (0, 0));
}

// === The layer ===

#[test]
fn a_queue_with_a_free_place_needs_no_runtime() {
    // Not a tokio test, so a timer panics.
    let layer = BulkheadLayer::new(one_place()).queue(Queue::new(4, SECOND));
    assert_eq!(
        assert_ready_ok!(task::spawn(layer.layer(echo()).call(7)).poll()),
        7
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_and_reports_how_long() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(echo());
    let held = hold(&bulkhead);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    drop(held);
    assert!(call.is_woken());
    assert_eq!(assert_ready_ok!(call.poll()), 1);
    assert_eq!(bulkhead.in_flight(), 0);

    let _held = hold(&bulkhead);
    let mut waits = task::spawn(service.call(2));
    assert_pending!(waits.poll());
    let error = assert_ready_err!(task::spawn(service.call(3)).poll());
    assert_eq!(
        error.to_string(),
        "the queue of bulkhead `test` is full: 1 call in flight of at most 1, 1 waiting"
    );
    assert_eq!(full_of(&error).cause(), Cause::QueueFull);
    advance(SECOND).await;
    assert!(waits.is_woken());
    let error = assert_ready_err!(waits.poll());
    let full = full_of(&error);
    assert_eq!(
        (full.cause(), full.waited()),
        (Cause::WaitedTooLong, SECOND)
    );
    assert_eq!((full.limit(), full.in_flight(), full.queued()), (1, 1, 0));
    assert_eq!(
        error.to_string(),
        "no place in bulkhead `test` within 1s: 1 call in flight of at most 1"
    );
    assert_eq!(
        bulkhead.queued(),
        0,
        "a caller that waited too long is out of the line"
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_with_a_queue_takes_answers_and_classifiers() {
    let bulkhead = one_place();
    let layer = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(0, SECOND))
        .classify(|_: &Result<u32, BoxError>| Outcome::Success)
        .overload_if(|_: &Result<u32, BoxError>| false)
        .on_reject(|_| Ok::<_, BoxError>(101));
    let answered = layer.clone().layer(echo()).call(1).await;
    assert_eq!(answered.expect("the place is free"), 1);
    let _held = hold(&bulkhead);
    let answered = layer.clone().layer(echo()).call(1).await;
    assert_eq!(answered.expect("the layer answers"), 101);
    let layer = layer.fallback(|_, request: u32| Ok::<_, BoxError>(request + 200));
    let answered = layer.layer(echo()).call(1).await;
    assert_eq!(answered.expect("the layer answers"), 201);
}

/// Counts each `poll_ready`, where it reserves something, and never answers.
#[derive(Clone)]
struct Shared(Arc<AtomicUsize>);
impl Service<u32> for Shared {
    type Response = u32;
    type Error = BoxError;
    type Future = std::future::Pending<Result<u32, BoxError>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.fetch_add(1, SeqCst); // it would reserve here
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: u32) -> Self::Future {
        std::future::pending()
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_holds_nothing_of_the_inner_service() {
    // Two tenants share a service with room for one; the first floods, the second does not wait for it.
    let inner = Arc::new(AtomicUsize::new(0));
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(8, SECOND))
        .layer(Shared(Arc::clone(&inner)));
    let mut calls: Vec<_> = (0..5).map(|n| task::spawn(service.call(n))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(
        inner.load(SeqCst),
        1,
        "only a caller with a place asks the inner service"
    );
    assert_eq!(bulkhead.queued(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_idle_clone_holds_neither_a_place_nor_a_seat() {
    let bulkhead = one_place();
    let (service, _handle) = mock::pair::<u32, u32>();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(service);
    let mut ready = task::spawn(());
    assert_ready_ok!(ready.enter(|cx, _| Service::<u32>::poll_ready(&mut service, cx)));
    let _idle = service.clone();
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_clone_made_ready_is_the_one_called() {
    let (inner, mut handle) = mock::pair::<u32, u32>(); // panics when called unready
    handle.allow(0);
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(inner);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    assert_eq!(bulkhead.in_flight(), 1, "its own place came first");
    handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, respond) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    respond.send_response(request + 1);
    assert_eq!(assert_ready_ok!(call.poll()), 2);
}

#[test]
fn a_ready_inner_service_is_called_inside_call() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(service_fn(move |n: u32| {
            counted.fetch_add(1, SeqCst);
            std::future::ready(Ok::<_, BoxError>(n))
        }));
    let mut call = task::spawn(service.call(1));
    assert_eq!(
        (calls.load(SeqCst), bulkhead.in_flight()),
        (1, 1),
        "before the first poll"
    );
    assert_eq!(assert_ready_ok!(call.poll()), 1);
    assert_eq!((calls.load(SeqCst), bulkhead.in_flight()), (1, 0));
}

/// Not ready at the first `poll_ready`, then ready. The future of a call is pending once.
#[derive(Clone)]
struct Busy {
    polls: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Service<u32> for Busy {
    type Response = u32;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<u32, BoxError>> + Send>>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.polls.fetch_add(1, SeqCst) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, n: u32) -> Self::Future {
        self.calls.fetch_add(1, SeqCst);
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(n)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_inner_service_is_called_in_the_future() {
    let (polls, calls) = (Arc::default(), Arc::<AtomicUsize>::default());
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(Busy {
            polls,
            calls: Arc::clone(&calls),
        });
    let mut call = task::spawn(service.call(7));
    assert_eq!(
        (calls.load(SeqCst), bulkhead.in_flight()),
        (0, 1),
        "the call has its place and waits for the inner service"
    );
    assert_pending!(call.poll());
    assert_eq!(calls.load(SeqCst), 1, "ready at the first poll");
    assert_eq!(assert_ready_ok!(call.poll()), 7);
    // This one is ready at `call`; its future is pending afterwards.
    let mut call = task::spawn(service.call(8));
    assert_eq!(calls.load(SeqCst), 2);
    assert_pending!(call.poll());
    assert_eq!(bulkhead.in_flight(), 1);
    drop(call);
    assert_eq!((calls.load(SeqCst), bulkhead.in_flight()), (2, 0));
}

/// Counts its clones.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, SeqCst);
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn a_refused_call_clones_no_inner_service() {
    let clones = Arc::new(AtomicUsize::new(0));
    let counted = Counted(Arc::clone(&clones));
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(0, SECOND))
        .layer(service_fn(move |()| {
            let _ = &counted;
            std::future::ready(Ok::<_, BoxError>(()))
        }));
    assert_ready_ok!(task::spawn(service.call(())).poll());
    assert_eq!(clones.load(SeqCst), 1);
    let _held = hold(&bulkhead);
    assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(clones.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_queued_inner_call_gives_the_place_back() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(service_fn(
            |_: u32| -> std::future::Ready<Result<(), BoxError>> { panic!("in call") },
        ));
    // Inside `call`, as there is a place.
    assert!(catch_unwind(AssertUnwindSafe(|| drop(service.call(1)))).is_err());
    assert_eq!(bulkhead.in_flight(), 0);
    // And inside `poll`, after a wait.
    let held = hold(&bulkhead);
    let mut call = task::spawn(service.call(2));
    assert_pending!(call.poll());
    drop(held);
    let polled = catch_unwind(AssertUnwindSafe(|| call.poll().is_ready()));
    assert!(polled.is_err());
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    drop(call);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_queue_bounds_the_wait_for_readiness() {
    let (inner, mut handle) = mock::pair::<u32, u32>();
    handle.allow(0);
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(inner);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    advance(SECOND).await;
    let error = assert_ready_err!(call.poll());
    assert_eq!(full_of(&error).cause(), Cause::WaitedTooLong);
    assert_eq!(
        bulkhead.in_flight(),
        0,
        "and its place is free, though the future still exists"
    );
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_is_the_answer() {
    let (inner, mut handle) = mock::pair::<u32, u32>();
    handle.send_error("connect failed");
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(inner);
    let mut call = task::spawn(service.call(1));
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "connect failed");
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_place_at_the_last_moment_wins() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, SECOND))
        .layer(echo());
    let held = hold(&bulkhead);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    advance(SECOND).await;
    drop(held);
    assert_eq!(assert_ready_ok!(call.poll()), 1);
}

#[tokio::test(start_paused = true)]
async fn newest_first_serves_the_newest_waiter() {
    let bulkhead = one_place();
    let queue = Queue::new(3, SECOND).newest_first();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(queue)
        .layer(echo());
    let held = hold(&bulkhead);
    let mut calls: Vec<_> = (0..3).map(|n| task::spawn(service.call(n))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    drop(held);
    let woken: Vec<_> = calls.iter().map(task::Spawn::is_woken).collect();
    assert_eq!(woken, [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_meet_its_deadline_does_not_begin() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(4, 10 * SECOND).reserve(SECOND))
        .deadline(|deadline: &Instant| Some(*deadline))
        .layer(service_fn(move |_: Instant| {
            counted.fetch_add(1, SeqCst);
            std::future::ready(Ok::<_, BoxError>(()))
        }));
    let now = Instant::now();
    // The deadline is nearer than the reserve, and a place is free.
    let error = assert_ready_err!(task::spawn(service.call(now + SECOND / 2)).poll());
    let full = full_of(&error);
    assert_eq!(
        (full.cause(), full.waited()),
        (Cause::DeadlineTooNear, Duration::ZERO)
    );
    assert_ready_ok!(task::spawn(service.call(now + SECOND)).poll());
    assert_eq!(calls.load(SeqCst), 1);
    // The deadline bounds the wait: three seconds, minus a reserve of one.
    let held = hold(&bulkhead);
    let mut waits = task::spawn(service.call(now + 3 * SECOND));
    let mut is_granted_too_late = task::spawn(service.call(now + 3 * SECOND));
    assert_pending!(waits.poll());
    assert_pending!(is_granted_too_late.poll());
    advance(2 * SECOND).await;
    let error = assert_ready_err!(waits.poll());
    assert_eq!(full_of(&error).cause(), Cause::DeadlineTooNear);
    assert_eq!(full_of(&error).waited(), 2 * SECOND);
    advance(Duration::from_millis(1)).await;
    drop(held);
    let error = assert_ready_err!(is_granted_too_late.poll());
    assert_eq!(full_of(&error).cause(), Cause::DeadlineTooNear);
    assert_eq!((calls.load(SeqCst), bulkhead.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_late_first_poll_begins_no_call() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(4, 10 * SECOND))
        .deadline(|deadline: &Instant| Some(*deadline))
        .layer(service_fn(|_: Instant| {
            std::future::ready(Ok::<_, BoxError>(()))
        }));
    let now = Instant::now();
    let mut polled_late = task::spawn(service.call(now + SECOND));
    assert_eq!(bulkhead.in_flight(), 1);
    advance(2 * SECOND).await;
    let error = assert_ready_err!(polled_late.poll());
    assert_eq!(full_of(&error).cause(), Cause::DeadlineTooNear);
    assert_eq!(bulkhead.in_flight(), 0);
    let mut in_time = task::spawn(service.call(Instant::now() + SECOND));
    advance(SECOND).await;
    assert_ready_ok!(in_time.poll());
}

#[tokio::test(start_paused = true)]
async fn readiness_that_comes_after_the_deadline_begins_no_call() {
    let (inner, mut handle) = mock::pair::<Instant, ()>();
    handle.allow(0);
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, Duration::MAX))
        .deadline(|deadline: &Instant| Some(*deadline))
        .layer(inner);
    let mut call = task::spawn(service.call(Instant::now() + SECOND));
    assert_pending!(call.poll());
    advance(SECOND + Duration::from_millis(1)).await;
    handle.allow(1); // both at once, and it is polled only now
    let error = assert_ready_err!(call.poll());
    let full = full_of(&error);
    assert_eq!(full.cause(), Cause::DeadlineTooNear);
    assert_eq!(
        full.in_flight(),
        0,
        "the call that is refused is not in flight"
    );
}

#[tokio::test(start_paused = true)]
async fn a_metrics_only_bulkhead_behind_a_queue_admits_all() {
    let (inner, mut handle) = mock::pair::<Instant, ()>();
    handle.allow(0);
    let builder = Bulkhead::builder().limit(1).metrics_only(true);
    let bulkhead = builder.build("watched").unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(0, SECOND).reserve(SECOND))
        .deadline(|deadline: &Instant| Some(*deadline))
        .layer(inner);
    let now = Instant::now();
    // A deadline that is too near; one in a second; one after a wait that is longer than the queue allows.
    let mut calls: Vec<_> = [SECOND / 2, 2 * SECOND, 100 * SECOND]
        .map(|in_a_while| task::spawn(service.call(now + in_a_while)))
        .into();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    // The first for its deadline, the second and the third because no place is free.
    assert_eq!(bulkhead.rejections(), 3);
    advance(50 * SECOND).await;
    for call in &mut calls {
        assert_pending!(call.poll());
        assert_pending!(call.poll());
    }
    // A call that was counted once is not counted again.
    assert_eq!(bulkhead.rejections(), 3);
    handle.allow(3);
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (3, 0));
}

#[test]
fn waits_of_zero_and_without_end_need_no_timer() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let layer = |wait| BulkheadLayer::new(bulkhead.clone()).queue(Queue::new(1, wait));
    let error = assert_ready_err!(task::spawn(layer(Duration::ZERO).layer(echo()).call(1)).poll());
    assert_eq!(full_of(&error).cause(), Cause::WaitedTooLong);
    let mut call = task::spawn(layer(Duration::MAX).layer(echo()).call(1));
    assert_pending!(call.poll());
    drop(held);
    assert_ready_ok!(call.poll());
}

#[test]
fn a_queue_may_have_no_length_or_no_bound() {
    let bulkhead = one_place();
    let held = hold(&bulkhead);
    let layer = BulkheadLayer::new(bulkhead.clone());
    let none = layer.clone().queue(Queue::new(0, Duration::MAX));
    let error = assert_ready_err!(task::spawn(none.layer(echo()).call(1)).poll());
    assert_eq!(full_of(&error).cause(), Cause::QueueFull);
    let mut all = layer
        .queue(Queue::new(usize::MAX, Duration::MAX))
        .layer(echo());
    let mut calls: Vec<_> = (0..2_000).map(|n| task::spawn(all.call(n))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(bulkhead.queued(), 2_000);
    drop(held);
    for (n, call) in (0..).zip(&mut calls) {
        assert_eq!(assert_ready_ok!(call.poll()), n);
    }
    assert_eq!((bulkhead.queued(), bulkhead.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn impossible_deadlines_are_refused_at_once() {
    let layer = BulkheadLayer::new(one_place());
    let now = Instant::now();
    for (deadline, reserve) in [
        (
            now.checked_sub(SECOND).expect("a clock that is older"),
            Duration::ZERO,
        ),
        (now + SECOND, Duration::MAX),
    ] {
        let queue = Queue::new(1, SECOND).reserve(reserve);
        let mut service = layer
            .clone()
            .queue(queue)
            .deadline(move |_: &u32| Some(deadline))
            .layer(echo());
        let error = assert_ready_err!(task::spawn(service.call(1)).poll());
        assert_eq!(full_of(&error).cause(), Cause::DeadlineTooNear);
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_refusal_keeps_the_request() {
    let bulkhead = one_place();
    let _held = hold(&bulkhead);
    let mut service = BulkheadLayer::new(bulkhead)
        .fallback(|full, n: u32| Ok((n, full.cause())))
        .queue(Queue::new(1, SECOND))
        .layer(service_fn(async |_: u32| {
            Ok::<_, Infallible>((0, Cause::AtLimit))
        }));
    let mut call = task::spawn(service.call(7));
    assert_pending!(call.poll());
    advance(SECOND).await;
    assert_eq!(assert_ready_ok!(call.poll()), (7, Cause::WaitedTooLong));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_tasks_is_served_within_the_limit() {
    let bulkhead = Bulkhead::builder().limit(3).build("b").unwrap();
    let inside = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&inside);
    let service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(100, 1000 * SECOND))
        .layer(service_fn(move |n: u64| {
            let inside = Arc::clone(&counted);
            async move {
                assert!(inside.fetch_add(1, SeqCst) < 3);
                tokio::time::sleep(Duration::from_millis(1 + n % 7)).await;
                inside.fetch_sub(1, SeqCst);
                Ok::<_, BoxError>(())
            }
        }));
    let calls: Vec<_> = (0..100)
        .map(|n| {
            let mut service = service.clone();
            tokio::spawn(async move { service.call(n).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

type Inner = tower::util::ServiceFn<fn(u8) -> std::future::Ready<Result<(), BoxError>>>;
assert_impl_all!(QueueService<Inner>: Clone, Send, Sync, Service<u8>);
assert_impl_all!(QueueFuture<Inner, u8>: Send);
assert_impl_all!(Acquire: Send, Sync, Unpin, std::fmt::Debug);

#[test]
fn a_queue_is_made_of_its_length_and_wait() {
    let pair = (5, Duration::from_secs(90));
    assert_eq!(Queue::from(pair), Queue::new(pair.0, pair.1));
    let layer = BulkheadLayer::new(Bulkhead::new("pool", 1).unwrap()).queue((0, Duration::MAX));
    let mut service = layer.layer(service_fn(|()| {
        std::future::pending::<Result<(), BoxError>>()
    }));
    let _held = service.call(());
    assert_ready_err!(task::spawn(service.call(())).poll());
}
