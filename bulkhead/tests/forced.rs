//! Limits that an operator forces, and how they end.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use maestro_bulkhead::{
    Aimd, Bulkhead, BulkheadLayer, Cause, Event, Full, Limit, LimitCause, LimitChange, Outcome,
    Override, Queue, StaticBulkhead, Window,
};
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    time::{advance, sleep},
};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

const SECOND: Duration = Duration::from_secs(1);

fn by() -> Override {
    Override::new("maria", "a test")
}

fn pool(limit: usize) -> Bulkhead {
    let builder = Bulkhead::builder().limit(limit);
    builder.build("pool").expect("a limit above zero")
}

/// How many calls get in at once.
fn room(pool: &Bulkhead) -> usize {
    let held: Vec<_> = (0..100).map_while(|_| pool.try_acquire().ok()).collect();
    held.len()
}

fn refused(pool: &Bulkhead) -> Full {
    pool.try_acquire().expect_err("it has no place")
}

#[test]
fn an_override_holds_until_an_operator_resumes() {
    static POOL: StaticBulkhead = Bulkhead::builder().limit(4).build_static("pool");
    assert!(!POOL.resume(by()), "none is in force");
    for forced in [2, 6, usize::MAX] {
        POOL.force_limit(forced, by()).unwrap();
        assert_eq!((POOL.limit(), POOL.forced()), (forced, Some(by())));
        assert!(POOL.resume(by()));
        assert_eq!((POOL.limit(), POOL.forced()), (4, None));
    }
    POOL.force_limit(0, by()).unwrap_err();
    assert_eq!(POOL.forced(), None);
}

#[tokio::test(start_paused = true)]
async fn a_lowered_limit_ends_with_the_first_call_it_would_refuse() {
    let pool = pool(3);
    pool.force_limit(1, by().lasting(SECOND)).unwrap();
    let _held = pool.try_acquire().unwrap();
    let full = refused(&pool);
    assert_eq!((full.limit(), full.in_flight()), (1, 1));
    advance(Duration::from_millis(999)).await;
    refused(&pool);
    advance(Duration::from_millis(1)).await;
    assert_eq!(room(&pool), 2);
    assert_eq!(pool.forced(), None);
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_admits_nothing_after_its_end() {
    let pool = pool(2);
    pool.force_limit(4, by().lasting(SECOND)).unwrap();
    let mut held: Vec<_> = (0..4).map(|_| pool.try_acquire().unwrap()).collect();
    let full = refused(&pool);
    assert_eq!((full.limit(), full.in_flight(), pool.limit()), (4, 4, 4));
    assert!((pool.utilisation() - 1.0).abs() < f64::EPSILON);
    advance(SECOND).await;
    for in_flight in (2..4).rev() {
        drop(held.pop());
        let full = refused(&pool);
        assert_eq!((full.limit(), full.in_flight()), (2, in_flight));
    }
    drop(held);
    assert_eq!(room(&pool), 2);
}

#[tokio::test(start_paused = true)]
async fn a_law_notices_that_an_override_has_run_out() {
    let builder = Bulkhead::builder().limit(10);
    let pool = builder.build_adaptive("pool", Aimd::new()).unwrap();
    let ended = Arc::new(Mutex::new(0));
    let to = Arc::clone(&ended);
    let _listener = pool.on_event(move |event| {
        let is_end = |change: &LimitChange| change.cause() == LimitCause::OverrideOver;
        if matches!(event, Event::LimitChanged(change) if is_end(change)) {
            *to.lock() += 1;
        }
    });
    pool.force_limit(20, by().lasting(SECOND)).unwrap();
    let permits: Vec<_> = (0..10).map(|_| pool.try_acquire().unwrap()).collect();
    sleep(2 * SECOND).await;
    assert_eq!(*ended.lock(), 0);
    for permit in permits {
        permit.success();
    }
    assert_eq!(*ended.lock(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_counts_calls_of_several_places() {
    let pool = pool(2);
    let many = |places: u32| pool.try_acquire_many(places.try_into().unwrap());
    assert_eq!(many(5).unwrap_err().cause(), Cause::TooHeavy);
    pool.force_limit(5, by().lasting(SECOND)).unwrap();
    let held = many(4).unwrap();
    assert_eq!(many(2).unwrap_err().cause(), Cause::AtLimit);
    let heavy = many(6).unwrap_err();
    assert_eq!((heavy.cause(), heavy.limit()), (Cause::TooHeavy, 5));
    let mut waits = task::spawn(pool.acquire_many(5.try_into().unwrap()));
    assert_pending!(waits.poll());
    drop(held);
    let held = assert_ready_ok!(waits.poll());
    assert_eq!(pool.in_flight(), 5);
    drop(held);
    assert_eq!(pool.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_serves_those_that_wait() {
    let pool = pool(1);
    let held = pool.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| task::spawn(pool.acquire())).collect();
    for waiter in &mut waiters {
        assert_pending!(waiter.poll());
    }
    pool.force_limit(2, by().lasting(SECOND)).unwrap();
    let first = assert_ready_ok!(waiters[0].poll());
    assert_pending!(waiters[1].poll());
    refused(&pool);
    drop(first);
    let second = assert_ready_ok!(waiters[1].poll());
    advance(SECOND).await;
    drop(second);
    assert_pending!(waiters[2].poll());
    drop(held);
    drop(assert_ready_ok!(waiters[2].poll()));
    assert_eq!((room(&pool), pool.queued()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_lets_queued_calls_begin_at_once() {
    let pool = pool(1);
    pool.force_limit(2, by().lasting(SECOND)).unwrap();
    let layer = BulkheadLayer::new(pool.clone()).queue(Queue::new(0, SECOND));
    let mut service = layer.layer(service_fn(|()| {
        std::future::pending::<Result<(), BoxError>>()
    }));
    let mut calls: Vec<_> = (0..3).map(|_| task::spawn(service.call(()))).collect();
    let refused: Vec<_> = calls
        .iter_mut()
        .map(|call| call.poll().is_ready())
        .collect();
    assert_eq!(refused, [false, false, true]);
    assert_eq!(pool.in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_under_a_lowered_limit_ends_with_the_override() {
    let pool = pool(2);
    pool.force_limit(1, by().lasting(SECOND)).unwrap();
    let _held = pool.try_acquire().unwrap();
    let layer = BulkheadLayer::new(pool.clone()).queue(Queue::new(4, 2 * SECOND));
    let mut service = layer.layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let call = tokio::spawn(service.call(()));
    sleep(SECOND / 2).await;
    assert_eq!(pool.queued(), 1);
    // At the end of its wait the call looks whether the override holds.
    call.await.unwrap().expect("a place is free then");
}

#[tokio::test(start_paused = true)]
async fn a_limit_set_meanwhile_follows_the_override() {
    let pool = pool(4);
    pool.force_limit(8, by().lasting(SECOND)).unwrap();
    pool.set_limit(3).unwrap();
    assert_eq!((pool.limit(), room(&pool)), (8, 8));
    pool.force_limit(1, by().lasting(SECOND)).unwrap();
    pool.reconfigure(Bulkhead::builder().limit(5)).unwrap();
    assert_eq!((pool.limit(), room(&pool)), (1, 1));
    advance(SECOND).await;
    assert_eq!((pool.limit(), room(&pool)), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_law_is_paused_while_a_limit_is_forced() {
    let builder = Bulkhead::builder().limit(10);
    let pool = builder.build_adaptive("pool", Aimd::new()).unwrap();
    let window = async |calls: usize| {
        let permits: Vec<_> = (0..calls).map(|_| pool.try_acquire().unwrap()).collect();
        sleep(SECOND).await;
        for permit in permits {
            permit.finish(Outcome::Success);
        }
    };
    pool.force_limit(20, by()).unwrap();
    window(20).await;
    window(20).await;
    assert_eq!(pool.limit(), 20);
    assert!(pool.resume(by()));
    assert_eq!(pool.limit(), 10);
    // The window that has calls under the forced limit says nothing.
    window(10).await;
    assert_eq!(pool.limit(), 10);
    window(10).await;
    window(10).await;
    assert_eq!(pool.limit(), 11);
}

/// Tells how many successes each window has. Its first answer takes until the test lets it go.
struct Slow {
    asked: mpsc::Sender<u64>,
    goes: Option<mpsc::Receiver<()>>,
}

impl Limit for Slow {
    fn next(&mut self, window: &Window) -> usize {
        self.asked
            .send(window.successes())
            .expect("the test listens");
        if let Some(goes) = self.goes.take() {
            goes.recv().expect("the test lets it go");
        }
        window.limit()
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_law_learns_nothing_of_a_forced_limit() {
    let (asked, is_asked) = mpsc::channel();
    let (let_go, goes) = mpsc::channel();
    let goes = Some(goes);
    let builder = Bulkhead::builder().limit(10);
    let pool = builder.build_adaptive("pool", Slow { asked, goes });
    let pool = pool.unwrap();
    let end_ten = || (0..10).for_each(|_| pool.try_acquire().unwrap().finish(Outcome::Success));
    sleep(SECOND).await;
    let (again, runtime) = (pool.clone(), Handle::current());
    let first = thread::spawn(move || {
        let _clock = runtime.enter();
        (0..10).for_each(|_| again.try_acquire().unwrap().finish(Outcome::Success));
    });
    // The real clock matters only in a failure.
    assert_eq!(is_asked.recv_timeout(20 * SECOND), Ok(10));
    pool.force_limit(20, by()).unwrap();
    sleep(SECOND).await;
    assert!(pool.resume(by()));
    // This window ends while the law is busy, so that its calls belong to the next.
    end_ten();
    let_go.send(()).unwrap();
    first.join().unwrap();
    for _ in 0..2 {
        sleep(SECOND).await;
        end_ten();
    }
    let asked: Vec<_> = is_asked.try_iter().collect();
    assert_eq!(asked, [10], "only the window without an override");
}

#[tokio::test(start_paused = true)]
async fn an_override_and_its_end_are_told() {
    let pool = pool(4);
    let told = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&told);
    let _listener = pool.on_event(move |event| {
        let text = match event {
            Event::LimitChanged(change) => {
                let cause = change.cause().as_str();
                let by = change.by().map(ToString::to_string);
                format!("{} to {} {cause} {by:?}", change.from(), change.to())
            }
            other => format!("{other:?}"),
        };
        to.lock().push(text);
    });
    pool.force_limit(2, by().lasting(SECOND)).unwrap();
    pool.force_limit(6, by().lasting(SECOND)).unwrap();
    pool.set_limit(3).unwrap();
    advance(SECOND).await;
    assert_eq!(pool.limit(), 3);
    pool.force_limit(1, by()).unwrap();
    assert!(pool.resume(Override::new("jo", "done")));
    let told = told.lock();
    assert_eq!(
        *told,
        [
            "4 to 2 forced Some(\"by maria: a test\")",
            "2 to 6 forced Some(\"by maria: a test\")",
            "6 to 3 override_over Some(\"by maria: a test\")",
            "3 to 1 forced Some(\"by maria: a test\")",
            "1 to 3 resumed Some(\"by jo: done\")",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_bulkhead_stays_closed_under_an_override() {
    let pool = pool(1);
    pool.force_limit(4, by().lasting(SECOND)).unwrap();
    let held = [pool.try_acquire().unwrap(), pool.try_acquire().unwrap()];
    let drain = pool.close();
    assert_eq!(refused(&pool).cause(), Cause::Closed);
    drop(held);
    drain.await;
    pool.force_limit(9, by()).unwrap();
    assert_eq!(refused(&pool).cause(), Cause::Closed);
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn a_member_under_an_override_is_not_evicted() {
    let hosts = Bulkhead::builder().limit(4).build_family("hosts", 1);
    let hosts = hosts.unwrap();
    let override_ = by().lasting(SECOND);
    hosts.get(&"a").force_limit(1, override_).unwrap();
    assert_eq!(hosts.get(&"b").limit(), 4);
    assert_eq!(hosts.get(&"a").limit(), 1);
    assert_eq!(hosts.len(), 1);
    advance(SECOND).await;
    assert_eq!(hosts.get(&"b").limit(), 4);
    let keys: Vec<_> = hosts.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["b"]);
}
