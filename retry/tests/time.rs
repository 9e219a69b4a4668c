//! Waits, limits and the ttl, on tokio's paused clock.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, mpsc},
    time::Duration,
};

use maestro_retry::{
    Backoff, Budget, CostBucket, Event, GiveUpReason, HalfFull, InFlightShare, Jitter, RetryBudget,
    RetryLayer, RetryPolicy, StaticCostBucket, StaticInFlightShare, StaticRetryBudget, Verdict,
};
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};

mod starved;

use starved::starved;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The beginnings of the attempts, counted from the beginning of the test.
struct Log(Instant, mpsc::Sender<Duration>, mpsc::Receiver<Duration>);

impl Log {
    fn new() -> Self {
        let (begins, begun) = mpsc::channel();
        Self(Instant::now(), begins, begun)
    }

    /// A service that logs and fails at once.
    fn failing(
        &self,
    ) -> impl Service<(), Response = (), Error = &'static str, Future: Send> + Clone + use<> {
        let (start, begins) = (self.0, self.1.clone());
        service_fn(move |()| {
            begins
                .send(start.elapsed())
                .expect("the test reads its log");
            std::future::ready(Err("busy"))
        })
    }

    /// Those since the last call of this method.
    fn begun(&self) -> Vec<Duration> {
        self.2.try_iter().collect()
    }
}

fn regular(base: Duration, cap: Duration) -> Backoff {
    Backoff::exponential(base, cap).jitter(Jitter::None)
}

#[tokio::test(start_paused = true)]
async fn waits_follow_the_backoff() {
    let log = Log::new();
    let builder = RetryPolicy::builder()
        .attempts(6)
        .backoff(regular(ms(50), ms(300)));
    let layer = RetryLayer::new(builder.build().unwrap());
    let _ = layer.layer(log.failing()).oneshot(()).await;
    assert_eq!(log.begun(), [0, 50, 150, 350, 650, 950].map(ms));
}

#[tokio::test(start_paused = true)]
async fn zero_delay_creates_no_timer() {
    let log = Log::new();
    let builder = RetryPolicy::builder()
        .attempts(100)
        .backoff(Backoff::none());
    let layer = RetryLayer::new(builder.build().unwrap().unlimited());
    let _ = layer.layer(log.failing()).oneshot(()).await;
    assert_eq!(
        log.begun(),
        [Duration::ZERO; 100],
        "a zero sleep would have taken a millisecond"
    );
}

#[tokio::test(start_paused = true)]
async fn hundred_requests_wait_differently() {
    async fn run(seed: u64) -> Vec<Duration> {
        let builder = RetryPolicy::builder().attempts(2).seed(seed);
        let policy = builder
            .backoff(Backoff::constant(secs(86_400)))
            .build()
            .unwrap();
        let layer = RetryLayer::new(policy);
        let mut waits = Vec::new();
        for _ in 0..100 {
            // A new service for each, as for a new connection.
            let log = Log::new();
            let _ = layer.layer(log.failing()).oneshot(()).await;
            waits.push(log.begun()[1]);
        }
        waits
    }
    let waits = run(1).await;
    assert_eq!(waits.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(run(1).await, waits);
    assert_ne!(run(2).await, waits);
}

#[tokio::test(start_paused = true)]
async fn observed_policy_keeps_its_seed() {
    let mut took = Vec::new();
    for watched in [false, true] {
        let policy = RetryPolicy::builder().seed(7).build().unwrap();
        let policy = if watched {
            let policy = policy.named("seeded");
            policy.on_event(|_| {}).detach();
            policy
        } else {
            policy
        };
        let start = Instant::now();
        let _ = policy.run(async |_| Err::<(), _>("busy")).await;
        took.push(start.elapsed());
    }
    assert_eq!(took[0], took[1]);
}

#[tokio::test(start_paused = true)]
async fn hint_replaces_the_backoff_and_is_spread_above() {
    let policy = RetryPolicy::builder()
        .attempts(50)
        .backoff(Backoff::exponential(ms(100), ms(400)))
        .seed(3)
        .build()
        .unwrap()
        .classify(|_| Verdict::RetryAfter(secs(2)));
    let log = Log::new();
    let _ = RetryLayer::new(policy)
        .layer(log.failing())
        .oneshot(())
        .await;
    let begun = log.begun();
    let waits: Vec<_> = begun
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    // One millisecond more: tokio's timers wake on the next whole one.
    assert!(
        waits
            .iter()
            .all(|wait| (ms(2_000)..=ms(2_401)).contains(wait)),
        "{waits:?}"
    );
    assert!(waits.iter().collect::<HashSet<_>>().len() > 25, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn backoff_starts_again_after_a_hint() {
    // gRPC's proposal A6, "Pushback: Retry in n ms": if that attempt also fails, the delay is the initial one.
    let policy = RetryPolicy::builder()
        .attempts(7)
        .backoff(Backoff::exponential(ms(10), secs(9)).jitter(Jitter::None))
        .build()
        .unwrap()
        .classify_attempt(|attempt, _| match attempt.number() {
            3 => Verdict::RetryAfter(ms(700)),
            _ => Verdict::Retry,
        });
    let log = Log::new();
    let _ = RetryLayer::new(policy)
        .layer(log.failing())
        .oneshot(())
        .await;
    let begun = log.begun();
    let waits: Vec<_> = (begun.windows(2))
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    assert_eq!(waits, [10, 20, 700, 10, 20, 40].map(ms));
}

#[tokio::test(start_paused = true)]
async fn hint_without_jitter_is_exact() {
    let policy = RetryPolicy::builder()
        .attempts(3)
        .backoff(regular(secs(5), secs(5)))
        .short_hints(true)
        .build()
        .unwrap()
        .classify(|_| Verdict::RetryAfter(ms(700)));
    let log = Log::new();
    let _ = RetryLayer::new(policy)
        .layer(log.failing())
        .oneshot(())
        .await;
    assert_eq!(log.begun(), [0, 700, 1_400].map(ms));
}

#[tokio::test(start_paused = true)]
async fn short_hint_does_not_shorten_the_backoff() {
    for (jitter, least) in [
        (Jitter::None, [50, 100, 200, 400]),
        (Jitter::Equal, [25, 50, 100, 200]),
        (Jitter::PlusMinus(20), [40, 80, 160, 320]),
        (Jitter::Decorrelated, [50, 50, 50, 50]),
    ] {
        for hint in [0, 10] {
            let policy = RetryPolicy::builder()
                .attempts(5)
                .backoff(regular(ms(50), secs(2)).jitter(jitter))
                .build()
                .unwrap()
                .classify(move |_| Verdict::RetryAfter(ms(hint)));
            let log = Log::new();
            let _ = RetryLayer::new(policy)
                .layer(log.failing())
                .oneshot(())
                .await;
            let begun = log.begun();
            let waits = begun.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
            for (wait, least) in waits.zip(least) {
                assert!(wait >= ms(least), "{wait:?} {jitter:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_wait_outlasts_max_elapsed() {
    let builder = RetryPolicy::builder()
        .attempts(9)
        .backoff(regular(ms(100), secs(9)));
    let layer = RetryLayer::new(builder.max_elapsed(ms(500)).build().unwrap());
    let log = Log::new();
    let answer = layer.layer(log.failing()).oneshot(()).await;
    assert_eq!(answer, Err("busy"));
    assert_eq!(
        log.begun(),
        [0, 100, 300].map(ms),
        "the next would begin at 700"
    );
    assert_eq!(log.0.elapsed(), ms(300), "and nobody waits for nothing");
}

#[tokio::test(start_paused = true)]
async fn max_elapsed_includes_attempts() {
    let builder = RetryPolicy::builder().attempts(9).backoff(Backoff::none());
    let policy = builder.max_elapsed(secs(1)).build().unwrap();
    let log = Log::new();
    let inner = log.failing();
    let slow = service_fn(move |()| {
        let call = inner.clone().oneshot(());
        async move {
            sleep(ms(400)).await;
            call.await
        }
    });
    let _ = RetryLayer::new(policy).layer(slow).oneshot(()).await;
    // Logged when they end. The third began at 800; at 1,200 it is too late.
    assert_eq!(log.begun(), [400, 800, 1_200].map(ms));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    for micros in (1..40_000).step_by(617) {
        let deadline = Duration::from_micros(micros);
        let log = Log::new();
        let at = log.0 + deadline;
        let policy = RetryPolicy::builder()
            .attempts(1_000)
            .backoff(Backoff::exponential(Duration::from_micros(300), ms(7)))
            .seed(micros)
            .build()
            .unwrap()
            .deadline(move |(): &()| Some(at));
        let _ = RetryLayer::new(policy)
            .layer(log.failing())
            .oneshot(())
            .await;
        let begun = log.begun();
        assert!(
            begun.iter().all(|begun| *begun < deadline),
            "{begun:?} before {deadline:?}"
        );
        assert!(log.0.elapsed() <= deadline);
        advance(ms(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn earlier_of_deadline_and_max_elapsed_holds() {
    for (deadline, max_elapsed, attempts) in [(250, 900, 3), (900, 250, 3), (900, 900, 9)] {
        let log = Log::new();
        let at = log.0 + ms(deadline);
        let policy = RetryPolicy::builder()
            .attempts(20)
            .backoff(Backoff::constant(ms(100)).jitter(Jitter::None))
            .max_elapsed(ms(max_elapsed))
            .build()
            .unwrap()
            .deadline(move |(): &()| Some(at));
        let _ = RetryLayer::new(policy)
            .layer(log.failing())
            .oneshot(())
            .await;
        assert_eq!(log.begun().len(), attempts, "{deadline} {max_elapsed}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_out_of_time_takes_no_budget() {
    let builder = RetryBudget::builder().ratio(1.0).floor_per_second(0);
    let budget = builder.build("untouched").unwrap();
    let policy = RetryPolicy::builder()
        .backoff(regular(secs(1), secs(1)))
        .max_elapsed(ms(500))
        .build()
        .unwrap()
        .budget(budget.clone());
    let _ = RetryLayer::new(policy)
        .layer(Log::new().failing())
        .oneshot(())
        .await;
    assert_eq!(budget.balance(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancelled_wait_stops_and_refunds() {
    let budget = RetryBudget::builder()
        .ratio(1.0)
        .floor_per_second(0)
        .build("refunded")
        .unwrap();
    let policy = RetryPolicy::builder()
        .backoff(regular(secs(9), secs(9)))
        .build()
        .unwrap()
        .budget(budget.clone());
    let log = Log::new();
    let mut service = RetryLayer::new(policy.clone()).layer(log.failing());
    assert!(timeout(secs(2), service.call(())).await.is_err());
    assert_eq!(log.0.elapsed(), secs(2));
    assert_eq!(budget.balance(), 1);

    let mut run = task::spawn(policy.run(async |_| Err::<(), _>("busy")));
    assert_pending!(run.poll());
    assert_eq!(budget.balance(), 1, "two calls, one hold");
    drop(run);
    assert_eq!(budget.balance(), 2);
    sleep(secs(9)).await;
    assert_eq!(log.begun().len(), 1, "nothing goes on in the background");
}

/// Cancels a call in its wait, by the layer and by `run`.
async fn cancelled<B: Budget + Clone>(budget: B) {
    let policy = RetryPolicy::builder()
        .backoff(regular(secs(9), secs(9)))
        .build()
        .expect("legal")
        .budget(budget);
    let log = Log::new();
    let mut service = RetryLayer::new(policy.clone()).layer(log.failing());
    assert!(timeout(secs(2), service.call(())).await.is_err());
    assert!(
        timeout(secs(2), policy.run(async |_| Err::<(), _>("busy")))
            .await
            .is_err()
    );
    assert_eq!(log.begun().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancelled_wait_refunds_every_budget() {
    static QUOTA: StaticCostBucket = CostBucket::builder().build_static("static");
    static SHARE: StaticInFlightShare = InFlightShare::builder().build_static("static");
    static CREDIT: StaticRetryBudget = RetryBudget::builder().build_static("static");
    let quota = CostBucket::builder().build("test").unwrap();
    let share = InFlightShare::builder().build("test").unwrap();
    let throttle = HalfFull::builder().build("test").unwrap();
    cancelled(quota.clone()).await;
    cancelled(&QUOTA).await;
    assert_eq!((quota.tokens(), QUOTA.tokens()), (500, 500));
    cancelled(share.clone()).await;
    cancelled(&SHARE).await;
    assert_eq!((share.calls(), share.retries()), (0, 0));
    assert_eq!((SHARE.calls(), SHARE.retries()), (0, 0));
    let before = CREDIT.balance();
    cancelled(&CREDIT).await;
    assert!(CREDIT.balance() >= before, "two calls more, and no retry");
    cancelled(throttle.clone()).await;
    assert!(
        (throttle.tokens() - 8.0).abs() < 1e-9,
        "two failures, and nothing to refund"
    );
}

#[tokio::test(start_paused = true)]
async fn unlimited_max_hint_waits_for_any_hint() {
    let policy = RetryPolicy::builder()
        .max_hint(Duration::MAX)
        .build()
        .unwrap()
        .classify(|_| Verdict::RetryAfter(Duration::MAX));
    let log = Log::new();
    let mut service = RetryLayer::new(policy).layer(log.failing());
    assert!(timeout(secs(86_400 * 365), service.call(())).await.is_err());
    assert_eq!(log.begun().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn longest_durations_never_panic() {
    let policy = RetryPolicy::builder()
        .attempts(u32::MAX)
        .backoff(regular(Duration::MAX, Duration::MAX))
        .max_elapsed(Duration::MAX)
        .build()
        .unwrap();
    let log = Log::new();
    let mut service = RetryLayer::new(policy.clone()).layer(log.failing());
    assert!(timeout(secs(86_400 * 365), service.call(())).await.is_err());
    let hint = policy.classify(|_| Verdict::RetryAfter(Duration::MAX));
    let answer = RetryLayer::new(hint).layer(log.failing()).oneshot(()).await;
    assert_eq!(answer, Err("busy"), "above the longest hint");
}

#[tokio::test(start_paused = true)]
async fn classifier_sees_the_age_of_the_call() {
    let builder = RetryPolicy::builder()
        .attempts(9)
        .backoff(regular(ms(100), secs(9)));
    let policy = builder.build().unwrap().classify_attempt(|attempt, _| {
        if attempt.elapsed() < ms(300) {
            Verdict::Retry
        } else {
            Verdict::Never
        }
    });
    let log = Log::new();
    let _ = RetryLayer::new(policy)
        .layer(log.failing())
        .oneshot(())
        .await;
    assert_eq!(log.begun(), [0, 100, 300].map(ms));
}

#[tokio::test(start_paused = true)]
async fn run_waits_like_the_layer() {
    let builder = RetryPolicy::builder()
        .attempts(4)
        .backoff(regular(ms(50), ms(75)));
    let start = Instant::now();
    let answer = builder
        .build()
        .unwrap()
        .run(async |attempt| Err::<(), _>(attempt))
        .await;
    assert_eq!((answer, start.elapsed()), (Err(4), ms(200)));
    let limited = builder.max_elapsed(ms(80)).build().unwrap();
    assert_eq!(
        limited.run(async |attempt| Err::<(), _>(attempt)).await,
        Err(2)
    );
}

#[tokio::test(start_paused = true)]
async fn wait_keeps_neither_response_nor_attempt() {
    let alive = Arc::new(());
    let policy = RetryPolicy::builder()
        .backoff(regular(secs(9), secs(9)))
        .build()
        .unwrap()
        .retry_if(|_| true);
    let make = |alive: &Arc<()>| {
        let (call, response) = (Arc::clone(alive), Arc::clone(alive));
        async move {
            let answer = Ok::<_, Infallible>(response);
            drop(call); // held until here
            answer
        }
    };

    let inner = alive.clone();
    let mut service = RetryLayer::new(policy.clone()).layer(service_fn(move |()| make(&inner)));
    let idle = Arc::strong_count(&alive);
    let mut call = task::spawn(service.call(()));
    assert_pending!(call.poll());
    // One more is the clone of the service for the next attempt.
    assert_eq!(Arc::strong_count(&alive), idle + 1);

    let idle = Arc::strong_count(&alive);
    let mut run = task::spawn(policy.run(|_| make(&alive)));
    assert_pending!(run.poll());
    assert_eq!(Arc::strong_count(&alive), idle);
}

#[tokio::test(start_paused = true)]
async fn unready_service_returns_the_kept_result() {
    let alive = Arc::new(());
    let builder = RetryPolicy::builder()
        .backoff(regular(secs(9), secs(9)))
        .wait_for_ready(false);
    let policy = builder.build().unwrap().retry_if(|_| true);
    let layer = RetryLayer::new(policy);
    let (mut service, mut handle) = tower_test::mock::spawn_layer::<(), Arc<()>, _>(layer);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let mut call = task::spawn(service.call(()));
    let ((), respond) = handle.next_request().await.unwrap();
    respond.send_response(Arc::clone(&alive));
    assert_pending!(call.poll());
    advance(secs(10)).await;
    let answer = call.await.unwrap();
    assert!(Arc::ptr_eq(&answer, &alive));
}

#[tokio::test(start_paused = true)]
async fn late_readiness_makes_no_attempt() {
    for limited in ["max_elapsed", "deadline", "late timer"] {
        let budget = RetryBudget::builder().build("late").unwrap();
        let mut builder = RetryPolicy::builder().backoff(regular(ms(10), ms(10)));
        if limited != "deadline" {
            builder = builder.max_elapsed(ms(100));
        }
        let (events, heard) = mpsc::channel();
        let at = Instant::now() + ms(100);
        let policy = builder
            .build()
            .unwrap()
            .budget(budget.clone())
            .deadline(move |(): &()| (limited == "deadline").then_some(at));
        let _listener = policy.on_event(move |event| events.send(event.clone()).unwrap());
        let balance = budget.balance();
        let (mut service, mut handle) =
            tower_test::mock::spawn_layer::<(), (), _>(RetryLayer::new(policy));
        handle.allow(1);
        assert!(service.poll_ready().is_ready());
        let mut call = task::spawn(service.call(()));
        handle.next_request().await.unwrap().1.send_error("busy");
        assert_pending!(call.poll());
        if limited != "late timer" {
            advance(ms(20)).await;
            assert_pending!(call.poll());
        }
        advance(ms(200)).await;
        handle.allow(1);
        let answer = timeout(secs(60), call).await.expect("no attempt is made");
        assert_eq!(answer.unwrap_err().to_string(), "busy", "{limited}");
        assert_eq!(budget.balance(), balance, "{limited}");
        let last = heard.try_iter().last();
        let (attempts, reason) = (1, GiveUpReason::Time);
        assert_eq!(last, Some(Event::GaveUp { attempts, reason }), "{limited}");
    }
}

#[tokio::test(start_paused = true)]
async fn wait_ends_without_cooperative_budget() {
    let policy = RetryPolicy::builder()
        .attempts(2)
        .backoff(regular(ms(250), ms(250)))
        .build()
        .unwrap();
    let log = Log::new();
    let layer = RetryLayer::new(policy.clone());
    let _ = starved(layer.layer(log.failing()).oneshot(())).await;
    let _ = starved(policy.run(async |_| {
        log.1.send(log.0.elapsed()).unwrap();
        Err::<(), _>("busy")
    }))
    .await;
    let begun = log.begun();
    for n in [0, 2] {
        let wait = begun[n + 1].saturating_sub(begun[n]);
        assert!((ms(250)..ms(260)).contains(&wait), "{wait:?}");
    }
}

// === The budget's ttl ===

#[tokio::test(start_paused = true)]
async fn deposit_lives_up_to_its_ttl() {
    let ttl = secs(16);
    for offset in [0, 1, 500, 999] {
        let builder = RetryBudget::builder()
            .ratio(1.0)
            .floor_per_second(0)
            .ttl(ttl);
        let budget = builder.build("ttl").unwrap();
        let made = Instant::now();
        let paid = made + ms(offset);
        budget.deposit_at(paid);
        assert_eq!(budget.balance_at(paid + ttl * 15 / 16), 1, "{offset}");
        // It was paid into the slot of the first second.
        assert_eq!(budget.balance_at(made + ttl - ms(1)), 1, "{offset}");
        assert_eq!(budget.balance_at(made + ttl), 0, "{offset}");
        assert_eq!(budget.balance_at(paid + ttl), 0, "{offset}");
        assert_eq!(
            budget.balance_at(paid + Duration::MAX / 2_000_000_000),
            0,
            "{offset}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn floor_accrues_for_one_ttl() {
    let builder = RetryBudget::builder()
        .ratio(0.0)
        .floor_per_second(4)
        .ttl(secs(2));
    let budget = builder.build("floor").unwrap();
    for _ in 0..8 {
        budget.try_hold().expect("the floor of one ttl").spend();
    }
    assert!(budget.try_hold().is_none());
    advance(ms(249)).await;
    assert!(budget.try_hold().is_none());
    advance(ms(1)).await;
    budget
        .try_hold()
        .expect("a quarter of a second pays for one")
        .spend();
    assert!(budget.try_hold().is_none());
    advance(secs(3_600)).await;
    assert_eq!(budget.balance(), 8);
}

#[tokio::test(start_paused = true)]
async fn expired_hold_refunds_nothing() {
    let builder = RetryBudget::builder()
        .ratio(1.0)
        .floor_per_second(0)
        .ttl(secs(10));
    let budget = builder.build("late").unwrap();
    budget.deposit();
    let hold = budget.try_hold().unwrap();
    advance(secs(11)).await;
    budget.deposit();
    drop(hold);
    assert_eq!(budget.balance(), 1, "the new call's alone");
}

#[tokio::test(start_paused = true)]
async fn instant_before_the_budget_counts_as_its_first() {
    let before = Instant::now();
    advance(secs(5)).await;
    let budget = RetryBudget::new("new");
    budget.deposit_at(before);
    assert_eq!((budget.balance_at(before), budget.balance()), (100, 100));
}

// === Backoff by kind of failure ===

#[tokio::test(start_paused = true)]
async fn throttling_has_a_backoff_of_its_own() {
    let policy = RetryPolicy::builder()
        .attempts(5)
        .backoff(regular(ms(50), secs(2)))
        .throttle_backoff(regular(secs(1), secs(20)))
        .build()
        .unwrap();
    let verdict = |number: u32, throttled: Verdict| {
        if number % 2 == 1 {
            throttled
        } else {
            Verdict::Retry
        }
    };
    for (throttled, waits) in [
        (Verdict::Retry.throttled(), [1_000, 100, 4_000, 400]),
        // A hint that is shorter does not shorten it, and lets the backoff start again.
        (
            Verdict::RetryAfter(ms(10)).throttled(),
            [1_000, 50, 4_000, 50],
        ),
        (
            Verdict::RetryAfter(secs(9)).throttled(),
            [9_000, 50, 9_000, 50],
        ),
    ] {
        let log = Log::new();
        let policy = policy
            .clone()
            .classify_attempt(move |attempt, _| verdict(attempt.number(), throttled));
        let _ = RetryLayer::new(policy)
            .layer(log.failing())
            .oneshot(())
            .await;
        let begun = log.begun();
        let waits_of = |pair: &[Duration]| pair[1].saturating_sub(pair[0]);
        let waited: Vec<_> = begun.windows(2).map(waits_of).collect();
        assert_eq!(waited, waits.map(ms), "{throttled:?}");
    }
}

// === The default budget ===

#[tokio::test(start_paused = true)]
async fn default_policy_bounds_the_retries_of_an_outage() {
    let policy = RetryPolicy::builder().build().unwrap();
    let (bounded, unlimited) = (Log::new(), Log::new());
    for _ in 0..100 {
        let layer = RetryLayer::new(policy.clone());
        let _ = layer.layer(bounded.failing()).oneshot(()).await;
        let layer = RetryLayer::new(policy.clone().unlimited());
        let _ = layer.layer(unlimited.failing()).oneshot(()).await;
    }
    assert_eq!(unlimited.begun().len(), 300);
    let elapsed = bounded.0.elapsed().as_millis();
    let retries = bounded.begun().len() - 100;
    let most = 5 + 10 * (elapsed + 1_000) / 1_000;
    assert!(
        retries as u128 <= most && retries >= 14,
        "{retries} of {most}"
    );
    // All at once.
    let log = Log::new();
    let policy = RetryPolicy::new(3.try_into().unwrap());
    let call = || {
        RetryLayer::new(policy.clone())
            .layer(log.failing())
            .oneshot(())
    };
    let calls: Vec<_> = (0..100).map(|_| tokio::spawn(call())).collect();
    for call in calls {
        assert!(call.await.unwrap().is_err());
    }
    let retries = log.begun().len() - 100;
    assert!((14..=5 + 10 + 3).contains(&retries), "{retries}");
}

#[tokio::test(start_paused = true)]
async fn client_with_little_traffic_gets_all_retries() {
    let policy = RetryPolicy::new(3.try_into().unwrap());
    let log = Log::new();
    for _ in 0..200 {
        let layer = RetryLayer::new(policy.clone());
        let _ = layer.layer(log.failing()).oneshot(()).await;
        assert_eq!(log.begun().len(), 3);
        sleep(ms(250)).await;
    }
}
