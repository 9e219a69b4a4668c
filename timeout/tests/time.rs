//! Exact instants on the paused clock.

use std::{
    collections::HashSet,
    convert::Infallible,
    future::{pending, poll_fn},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use maestro_timeout::{Deadline, Elapsed, Phase, Timeout, TimeoutLayer};
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    time::{Instant, advance, sleep, timeout},
};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A service that answers after the duration in the request.
fn slow() -> impl Service<Duration, Response = &'static str, Error = Elapsed, Future: Send> + Clone
{
    service_fn(async |how_long| {
        sleep(how_long).await;
        Ok("done")
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_elapses_at_its_limit_and_says_so() {
    let mut service = TimeoutLayer::new(Timeout::new(ms(250)).named("store")).layer(slow());
    let began = Instant::now();
    let elapsed = service.call(ms(1_000)).await.unwrap_err();
    assert_eq!(began.elapsed(), ms(250));
    assert_eq!(
        (elapsed.name(), elapsed.after(), elapsed.limit()),
        ("store", ms(250), ms(250))
    );
    assert_eq!(
        elapsed.to_string(),
        "timeout `store` elapsed: no result within 250ms"
    );
}

#[tokio::test(start_paused = true)]
async fn messages_of_similar_calls_are_equal() {
    let timeout = Timeout::new(ms(250)).named("store");
    assert_eq!(
        format!("{timeout:?}"),
        r#"Timeout { name: "store", limit: 250ms, .. }"#
    );
    timeout.set_limit(Duration::MAX);
    assert!(format!("{timeout:?}").contains("limit: unlimited"));
    let mut messages = HashSet::new();
    for nanos in [740_000_001, 749_999_999] {
        let deadline = Deadline::after(Duration::from_nanos(nanos));
        let elapsed = deadline.run(pending::<()>()).await.unwrap_err();
        assert!(format!("{elapsed:?}").contains("after: 7"));
        messages.insert(elapsed.to_string());
    }
    let message = "timeout `deadline` elapsed: no result within 750ms";
    assert_eq!(messages, HashSet::from([message.to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_at_the_call() {
    let mut service = TimeoutLayer::new(ms(250)).layer(slow());
    let (in_time, too_late) = (service.call(ms(100)), service.call(ms(1_000)));
    let running = Deadline::after(ms(250)).run(pending::<()>());
    advance(ms(200)).await;
    let began = Instant::now();
    // The sleep of the inner call starts at its first poll: 200 + 100 is more than 250.
    assert!(in_time.await.is_err());
    assert_eq!(began.elapsed(), ms(50));
    assert_eq!(too_late.await.unwrap_err().after(), ms(250));
    assert_eq!(running.await.unwrap_err().after(), ms(250));
}

#[tokio::test(start_paused = true)]
async fn a_result_ready_at_the_deadline_always_wins() {
    let mut service = TimeoutLayer::new(ms(250)).layer(slow());
    for _ in 0..200 {
        assert_eq!(service.call(ms(250)).await, Ok("done"));
        assert!(service.call(ms(251)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_task_keeps_a_ready_result() {
    let mut service = TimeoutLayer::new(ms(250)).layer(service_fn(async |()| Ok::<_, Elapsed>(7)));
    let call = service.call(());
    advance(ms(10_000)).await;
    assert_eq!(call.await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_first_poll_after_the_limit_elapses_at_once() {
    let mut service = TimeoutLayer::new(ms(250)).layer(slow());
    let call = service.call(ms(1));
    advance(ms(400)).await;
    let began = Instant::now();
    let elapsed = call.await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((elapsed.after(), elapsed.limit()), (ms(400), ms(250)));
}

#[tokio::test(start_paused = true)]
async fn inner_wake_ups_do_not_move_the_deadline() {
    let mut service =
        TimeoutLayer::new(ms(250)).layer(service_fn(async |()| -> Result<(), Elapsed> {
            loop {
                sleep(ms(7)).await;
            }
        }));
    assert_eq!(service.call(()).await.unwrap_err().after(), ms(250));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_spends_its_task_budget_still_elapses() {
    // tokio gives a task a budget for each poll. If the inner call spends it, the timer has none.
    let began = Instant::now();
    let busy = poll_fn(move |cx| {
        // The paused clock stands still while a task is busy, so another task advances it.
        assert!(began.elapsed() < ms(5_000), "the timeout is starved");
        let mut forever = Box::pin(async {
            loop {
                tokio::task::consume_budget().await;
            }
        });
        Future::poll(forever.as_mut(), cx)
    });
    let ticking = tokio::spawn(async {
        loop {
            advance(ms(1)).await;
        }
    });
    let elapsed = Deadline::after(ms(250)).run(busy).await;
    ticking.abort();
    let after = elapsed.unwrap_err().after();
    assert!((ms(250)..ms(260)).contains(&after), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn on_a_still_clock_only_a_limit_of_zero_elapses() {
    // A task that is never idle keeps the paused clock where it is.
    let busy = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let after = |turns: u32| {
        service_fn(move |()| async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            Ok::<_, Elapsed>(())
        })
    };
    let began = Instant::now();
    let nanosecond = Duration::from_nanos(1);
    assert_eq!(
        TimeoutLayer::new(nanosecond)
            .layer(after(10_000))
            .call(())
            .await,
        Ok(())
    );
    let elapsed = TimeoutLayer::new(Duration::ZERO)
        .layer(after(1))
        .call(())
        .await
        .unwrap_err();
    assert_eq!(
        (elapsed.after(), began.elapsed()),
        (Duration::ZERO, Duration::ZERO)
    );
    busy.abort();
}

// === Limits ===

#[tokio::test(start_paused = true)]
async fn the_earliest_of_limits_and_deadline_wins() {
    #[derive(Clone, Copy)]
    struct Query {
        limit: Duration,
        deadline: Deadline,
    }
    let mut service = TimeoutLayer::new(ms(300))
        .limit(|query: &Query| query.limit)
        .deadline(|query: &Query| query.deadline.at())
        .layer(service_fn(|_| pending::<Result<(), Elapsed>>()));
    for (limit, deadline, wins) in [
        (ms(200), ms(100), ms(100)),
        (ms(100), ms(200), ms(100)),
        (ms(400), ms(500), ms(300)),
        (Duration::MAX, Duration::MAX, ms(300)),
        (Duration::ZERO, ms(200), Duration::ZERO),
        // A deadline of the current instant has not passed.
        (ms(200), Duration::ZERO, Duration::ZERO),
    ] {
        let deadline = Deadline::after(deadline);
        let elapsed = service.call(Query { limit, deadline }).await.unwrap_err();
        assert_eq!((elapsed.after(), elapsed.limit()), (wins, wins));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_now_takes_a_ready_result() {
    let mut service = TimeoutLayer::new(ms(300))
        .deadline(|at: &Instant| Some(*at))
        .layer(service_fn(async |_: Instant| Ok::<_, Elapsed>(7)));
    assert_eq!(service.call(Instant::now()).await, Ok(7));
    assert_eq!(
        Deadline::after(Duration::ZERO).run(async { 7 }).await,
        Ok(7)
    );
}

#[tokio::test(start_paused = true)]
async fn an_inner_timeout_never_outlives_the_deadline_around_it() {
    let whole = Deadline::after(ms(300));
    let mut attempt = TimeoutLayer::new(ms(250))
        .deadline(move |_: &Duration| whole.at())
        .layer(slow());
    assert_eq!(attempt.call(ms(1_000)).await.unwrap_err().after(), ms(250));
    assert_eq!(attempt.call(ms(1_000)).await.unwrap_err().after(), ms(50));
    // At the deadline one more call is made, and only a result that is ready at once is in time.
    assert_eq!(
        attempt.call(ms(1)).await.unwrap_err().after(),
        Duration::ZERO
    );
    assert_eq!(whole.remaining(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_inner_of_two_equal_timeouts_answers() {
    let mut service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Timeout::new(ms(250)).named("outer")))
        .layer(TimeoutLayer::new(Timeout::new(ms(250)).named("inner")))
        .service(slow());
    // Both fire at once: the answer of the inner one is a result that is ready at the outer deadline.
    assert_eq!(service.call(ms(1_000)).await.unwrap_err().name(), "inner");
}

#[tokio::test(start_paused = true)]
async fn a_limit_at_the_edge_of_the_clock_never_elapses() {
    // A bisection finds the furthest instant, which differs between platforms.
    let now = Instant::now();
    let (mut legal, mut too_far) = (Duration::ZERO, Duration::MAX);
    loop {
        let middle = legal + too_far.saturating_sub(legal) / 2;
        if middle == legal {
            break;
        }
        if now.checked_add(middle).is_some() {
            legal = middle;
        } else {
            too_far = middle;
        }
    }
    for back in [
        Duration::ZERO,
        Duration::from_nanos(999_998),
        ms(1),
        ms(2),
        ms(86_400_000),
    ] {
        let far = legal.saturating_sub(back);
        let mut service = TimeoutLayer::new(far).layer(slow());
        assert_eq!(service.call(ms(1)).await, Ok("done"));
        assert!(
            timeout(ms(1_000), service.call(Duration::MAX))
                .await
                .is_err()
        );
        let running = Deadline::from(now + far).run(pending::<()>());
        assert!(timeout(ms(1_000), running).await.is_err());
    }
}

// === Readiness ===

/// Ready this long after the first `poll_ready`. Answers after the duration in the request.
#[derive(Debug)]
struct ReadyAfter {
    wait: Duration,
    timer: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

impl ReadyAfter {
    fn new(wait: Duration) -> Self {
        Self { wait, timer: None }
    }
}

impl Service<Duration> for ReadyAfter {
    type Response = &'static str;
    type Error = Elapsed;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<&'static str, Elapsed>>>>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), Elapsed>> {
        let wait = self.wait;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(wait)));
        timer.as_mut().poll(cx).map(Ok)
    }

    fn call(&mut self, how_long: Duration) -> Self::Future {
        self.timer = None;
        Box::pin(async move {
            sleep(how_long).await;
            Ok("done")
        })
    }
}

#[tokio::test(start_paused = true)]
async fn unready_time_counts_towards_the_limit_if_configured() {
    for (counts, ends) in [(false, ms(350)), (true, ms(250))] {
        let timeout = Timeout::builder()
            .limit(ms(250))
            .count_readiness(counts)
            .build("store");
        let mut service = TimeoutLayer::new(timeout).layer(ReadyAfter::new(ms(100)));
        for _ in 0..2 {
            let began = Instant::now();
            let elapsed = service
                .ready()
                .await
                .unwrap()
                .call(ms(1_000))
                .await
                .unwrap_err();
            assert_eq!(began.elapsed(), ends);
            assert_eq!((elapsed.after(), elapsed.limit()), (ms(250), ms(250)));
            assert_eq!(elapsed.phase(), Phase::Call);
            assert_eq!(
                service.ready().await.unwrap().call(ms(150)).await,
                Ok("done")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_limit_passed_unready_is_not_made() {
    let timeout = Timeout::builder()
        .limit(ms(250))
        .count_readiness(true)
        .build("store");
    let mut service = TimeoutLayer::new(timeout).layer(ReadyAfter::new(ms(251)));
    let elapsed = service
        .ready()
        .await
        .unwrap()
        .call(ms(0))
        .await
        .unwrap_err();
    assert_eq!(
        (elapsed.phase(), elapsed.after(), elapsed.limit()),
        (Phase::Before, ms(251), ms(250))
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_ready_service_spends_no_time_of_its_call() {
    let timeout = Timeout::builder()
        .limit(ms(250))
        .count_readiness(true)
        .build("store");
    let mut service = TimeoutLayer::new(timeout).layer(ReadyAfter::new(ms(100)));
    service.ready().await.unwrap();
    advance(ms(60_000)).await;
    assert_eq!(service.call(ms(150)).await, Ok("done"));
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_not_waited() {
    #[derive(Clone, Debug)]
    struct ReadyFrom(Instant);
    impl Service<()> for ReadyFrom {
        type Response = ();
        type Error = Elapsed;
        type Future = std::future::Pending<Result<(), Elapsed>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Elapsed>> {
            if Instant::now() < self.0 {
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, (): ()) -> Self::Future {
            pending()
        }
    }
    let timeout = Timeout::builder()
        .limit(ms(250))
        .count_readiness(true)
        .build("store");
    let mut service = TimeoutLayer::new(timeout).layer(ReadyFrom(Instant::now() + ms(200)));
    let mut ready = tokio_test::task::spawn(());
    let mut poll = |service: &mut _| ready.enter(|cx, _| Service::poll_ready(service, cx));
    tokio_test::assert_pending!(poll(&mut service));
    advance(ms(200)).await;
    tokio_test::assert_ready_ok!(poll(&mut service));
    let mut clone = service.clone();
    let (began, elapsed) = (Instant::now(), clone.call(()).await.unwrap_err());
    assert_eq!((elapsed.after(), began.elapsed()), (ms(250), ms(250)));
    let (began, elapsed) = (Instant::now(), service.call(()).await.unwrap_err());
    assert_eq!((elapsed.after(), began.elapsed()), (ms(250), ms(50)));
}

// === Drops ===

#[tokio::test(start_paused = true)]
async fn the_inner_call_is_dropped_before_the_answer() {
    let connections = Arc::new(Semaphore::new(1));
    let pool = Arc::clone(&connections);
    let inner = service_fn(move |how_long: Duration| {
        let pool = Arc::clone(&pool);
        async move {
            let _connection = pool.acquire_owned().await.expect("never closed");
            sleep(how_long).await;
            Ok::<_, Infallible>("done")
        }
    });
    let answering = Arc::clone(&connections);
    let mut service = TimeoutLayer::new(ms(250))
        .on_reject(move |_| {
            assert_eq!(
                answering.available_permits(),
                1,
                "returned before the answer"
            );
            Ok("too late")
        })
        .layer(inner);
    assert_eq!(service.call(ms(1_000)).await, Ok("too late"));
}

#[tokio::test(start_paused = true)]
async fn elapsed_and_dropped_calls_leave_nothing_running() {
    let running = Rc::new(());
    let witness = Rc::clone(&running);
    let mut service = TimeoutLayer::new(ms(250)).layer(service_fn(move |()| {
        let witness = Rc::clone(&witness);
        async move {
            pending::<()>().await;
            drop(witness);
            Ok::<_, Elapsed>(())
        }
    }));
    for _ in 0..1_000 {
        assert!(service.call(()).await.is_err());
        assert!(timeout(ms(10), service.call(())).await.is_err());
    }
    assert_eq!(
        Rc::strong_count(&running),
        2,
        "this one and that of the service"
    );
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_after_waiting_stays_a_panic() {
    let mut service =
        TimeoutLayer::new(ms(250)).layer(service_fn(async |()| -> Result<(), BoxError> {
            sleep(ms(10)).await;
            panic!("in the inner call")
        }));
    let joined = tokio::spawn(service.call(())).await.unwrap_err();
    assert_eq!(
        *joined.into_panic().downcast::<&str>().unwrap(),
        "in the inner call"
    );
}

#[tokio::test(start_paused = true)]
async fn the_inner_call_is_polled_only_on_wake_ups() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let inner = service_fn(move |()| {
        let counted = Arc::clone(&counted);
        poll_fn(move |_| {
            counted.fetch_add(1, SeqCst);
            Poll::<Result<(), Elapsed>>::Pending
        })
    });
    assert!(
        TimeoutLayer::new(ms(250))
            .layer(inner)
            .call(())
            .await
            .is_err()
    );
    assert_eq!(
        polls.load(SeqCst),
        2,
        "at first, and once more at the deadline"
    );
}

#[tokio::test(start_paused = true)]
async fn the_debug_of_a_deadline_shows_the_time_left() {
    let deadline = Deadline::after(Duration::from_secs(1));
    advance(Duration::from_millis(750)).await;
    let shown = format!("{deadline:?} {:?}", Deadline::NEVER);
    let expected = "Deadline { remaining: Some(250ms) } Deadline { remaining: None }";
    assert_eq!(shown, expected);
}
