//! Waiting calls beside others that are no longer polled: none depends on another. On tokio's paused clock.

use std::{
    future::{Future, poll_fn, ready},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Waker},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use maestro_circuit_breaker::{
    Acquire, Call, CircuitBreaker, CircuitBreakerLayer, Override, Probes, Ramp, State, Wait,
};
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_test::{
    assert_pending, assert_ready,
    task::{self, Spawn},
};
use tower::{BoxError, Layer, Service, service_fn};

/// No longer than a call sleeps at a time: it is polled at the end only.
const WAIT: Duration = Duration::from_secs(60);
const PROBE: Duration = Duration::from_secs(10);
/// For how long a slot may be offered to a call that is not polled.
const PATIENCE: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

fn breaker(probes: Probes) -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(probes)
        .probe_deadline(PROBE)
        .build("waited for")
        .expect("legal numbers")
}

fn open() -> CircuitBreaker {
    let breaker = breaker(Probes::one());
    breaker.try_acquire().expect("it is closed").failure();
    breaker
}

/// Half-open with one slot, which a probe holds.
async fn half_open() -> (CircuitBreaker, Call) {
    let breaker = breaker(Probes::results(2).in_flight(1));
    breaker.try_acquire().expect("it is closed").failure();
    advance(WAIT).await;
    let probe = breaker.try_acquire().expect("the wait is over");
    (breaker, probe)
}

/// A waiting call that is polled once, and never again.
fn held(breaker: &CircuitBreaker) -> Spawn<Acquire> {
    let mut held = task::spawn(breaker.acquire());
    assert_pending!(held.poll());
    held
}

async fn elapsed<T>(future: impl Future<Output = T>) -> Duration {
    let begun = Instant::now();
    timeout(2 * WAIT, future).await.expect("it is admitted");
    begun.elapsed()
}

// === Each way to be no longer polled ===

#[tokio::test(start_paused = true)]
async fn a_select_arm_that_is_kept_delays_no_call() {
    let breaker = open();
    let mut first = pin!(breaker.acquire());
    tokio::select! {
        biased;
        _ = &mut first => panic!("it is open"),
        () = ready(()) => {}
    }
    let second = tokio::spawn(elapsed(breaker.acquire()));
    assert_eq!(second.await.unwrap(), WAIT);
}

#[tokio::test(start_paused = true)]
async fn buffered_calls_of_a_slow_reader_delay_no_call() {
    let breaker = open();
    let calls = stream::iter(0..8).map(|_| breaker.acquire());
    let mut buffered = task::spawn(calls.buffered(4));
    assert_pending!(buffered.poll_next());
    assert_eq!(breaker.waiting(), 4);
    assert_eq!(elapsed(breaker.acquire()).await, WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_thread_of_another_runtime_delays_no_call() {
    let breaker = open();
    let other = breaker.clone();
    let (waits, is_waiting) = mpsc::channel();
    let (unblock, unblocked) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let _first = held(&other);
            waits.send(()).unwrap();
            unblocked.recv().unwrap_err();
        });
    });
    is_waiting.recv().unwrap();
    assert_eq!(elapsed(breaker.acquire()).await, WAIT);
    drop(unblock);
    thread.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_waker_delays_no_call() {
    let breaker = open();
    let mut first = pin!(breaker.acquire());
    let mut cx = Context::from_waker(Waker::noop());
    assert_pending!(first.as_mut().poll(&mut cx));
    let mut second = task::spawn(breaker.acquire());
    assert_pending!(second.poll());
    advance(WAIT).await;
    assert!(second.is_woken());
    // It is admitted at its next poll.
    let probe = assert_ready!(first.as_mut().poll(&mut cx));
    assert_pending!(second.poll());
    probe.success();
    assert!(second.is_woken());
    assert_ready!(second.poll()).success();
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_first_call_delays_no_call() {
    let breaker = open();
    let first = held(&breaker);
    let mut second = task::spawn(elapsed(breaker.acquire()));
    assert_pending!(second.poll());
    drop(first);
    assert!(!second.is_woken());
    assert_eq!(second.await, WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_held_call_of_a_layer_delays_no_call() {
    let hosts = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .build_family::<u32>("hosts", 8)
        .unwrap();
    let mut service = CircuitBreakerLayer::new(hosts.by(|host: &u32| *host))
        .wait()
        .layer(service_fn(async |_: u32| Ok::<_, BoxError>(())));
    hosts.get(&1).try_acquire().unwrap().failure();
    let mut first = task::spawn(service.call(1));
    assert_pending!(first.poll());
    assert_eq!(elapsed(service.call(1)).await, WAIT);
}

// === Each state ===

#[tokio::test(start_paused = true)]
async fn held_calls_delay_no_call_until_an_override_ends() {
    let breaker = open();
    let _first = held(&breaker);
    let mut second = task::spawn(breaker.acquire());
    assert_pending!(second.poll());
    // Sooner than the wait for which its timer is set.
    breaker.force_open(Override::new("alice", "test").lasting(PROBE));
    assert!(second.is_woken());
    assert_eq!(elapsed(second).await, PROBE);
}

#[tokio::test(start_paused = true)]
async fn held_calls_delay_no_call_on_a_ramp() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one())
        .ramp(Ramp::new(PROBE))
        .build("ramp")
        .unwrap();
    breaker.try_acquire().unwrap().failure();
    let _held = [held(&breaker), held(&breaker)];
    advance(WAIT).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Ramping);
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(elapsed(breaker.acquire())))
        .collect();
    for call in calls {
        assert!(call.await.unwrap() <= 3 * PROBE);
    }
}

#[tokio::test(start_paused = true)]
async fn held_calls_delay_no_call_beyond_a_hung_probe() {
    let (breaker, _hung) = half_open().await;
    let _first = held(&breaker);
    assert_eq!(elapsed(breaker.acquire()).await, PROBE);
}

#[tokio::test(start_paused = true)]
async fn a_slot_offered_in_vain_reaches_others_in_a_second() {
    let give_back: [fn(Call); 3] = [Call::ignore, Call::success, drop];
    for give_back in give_back {
        let (breaker, probe) = half_open().await;
        let _held = [held(&breaker), held(&breaker)];
        let mut third = task::spawn(breaker.acquire());
        assert_pending!(third.poll());
        give_back(probe);
        assert!(!third.is_woken(), "the slot is offered to the first");
        advance(PATIENCE.saturating_sub(NANO)).await;
        assert!(!third.is_woken());
        advance(NANO).await;
        assert!(third.is_woken());
        let probe = assert_ready!(third.poll());
        // The next one is offered to the second, and a call that comes takes it.
        probe.ignore();
        assert_ready!(task::spawn(breaker.acquire()).poll()).success();
    }
}

#[tokio::test(start_paused = true)]
async fn calls_open_a_half_open_breaker_beside_held_ones() {
    let (breaker, probe) = half_open().await;
    let _first = held(&breaker);
    let second = tokio::spawn(elapsed({
        let breaker = breaker.clone();
        async move { breaker.acquire().await.success() }
    }));
    probe.failure();
    // Free at once, and looked for within a second. Its success leaves one of two failed: open.
    second.await.unwrap();
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(elapsed(breaker.acquire()).await, WAIT);
}

// === Without cooperative budget ===

/// Polls `future` in a task that has no cooperative budget left at any poll. Another task advances the paused clock, which
/// stands still while a task is busy.
async fn starved<F: Future>(future: F) -> F::Output {
    let clock = tokio::spawn(async {
        loop {
            advance(Duration::from_secs(1)).await;
        }
    });
    let begun = Instant::now();
    let mut future = pin!(future);
    let output = poll_fn(|cx| {
        assert!(begun.elapsed() < 2 * WAIT, "starved");
        let mut spend = pin!(async {
            loop {
                tokio::task::consume_budget().await;
            }
        });
        assert!(spend.as_mut().poll(cx).is_pending());
        future.as_mut().poll(cx)
    })
    .await;
    clock.abort();
    output
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_without_cooperative_budget() {
    let breaker = open();
    let waited = starved(elapsed(breaker.acquire())).await;
    assert!((WAIT..WAIT + PROBE).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timer_is_set_without_cooperative_budget() {
    let breaker = open();
    let mut acquire = pin!(breaker.acquire());
    let mut polls = 0;
    // The first poll, which sets the timer, is the only one without budget.
    let waited = elapsed(poll_fn(|cx| {
        polls += 1;
        if polls == 1 {
            let mut spend = pin!(async {
                loop {
                    tokio::task::consume_budget().await;
                }
            });
            assert!(spend.as_mut().poll(cx).is_pending());
        }
        acquire.as_mut().poll(cx)
    }))
    .await;
    assert_eq!(waited, WAIT);
}

// === The cost ===

/// How often a thousand calls are polled that wait for three slots, and then take a millisecond each.
async fn polls_of_a_thousand(probes: Probes, end: fn(Call)) -> usize {
    let breaker = breaker(probes);
    breaker.try_acquire().expect("it is closed").failure();
    let polls = Arc::new(AtomicUsize::new(0));
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let (breaker, polls) = (breaker.clone(), Arc::clone(&polls));
            tokio::spawn(async move {
                let mut acquire = pin!(breaker.acquire());
                let call = poll_fn(|cx| {
                    polls.fetch_add(1, SeqCst);
                    acquire.as_mut().poll(cx)
                })
                .await;
                sleep(Duration::from_millis(1)).await;
                end(call);
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no call panics");
    }
    assert_eq!(breaker.waiting(), 0);
    polls.load(SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_waiting_calls_are_polled_thrice() {
    // To wait, at the end of the wait, and when it closes; and one a slot.
    let polls = polls_of_a_thousand(Probes::results(9).in_flight(3), Call::success).await;
    assert!(polls <= 3_000 + 2 * 9, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_ignored_probes_need_a_few_polls_each() {
    // Half a million, if each free slot woke all of them.
    let polls = polls_of_a_thousand(Probes::results(9).in_flight(3), Call::ignore).await;
    assert!(polls <= 5_000, "{polls}");
}
