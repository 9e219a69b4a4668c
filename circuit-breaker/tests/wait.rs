//! Calls that wait until the circuit lets them in: woken by what changes, and by nothing else.

use std::{
    future::Future,
    mem::size_of_val,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use maestro_circuit_breaker::{
    Acquire, Call, CircuitBreaker, CircuitBreakerLayer, OnCancel, Outcome, Override, Probes, Ramp,
    State, StaticCircuitBreaker, Wait,
};
use static_assertions::assert_impl_all;
use tokio::time::{Instant, advance};
use tokio_test::{
    assert_pending, assert_ready, assert_ready_err, assert_ready_ok,
    task::{self, Spawn},
};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock;

const WAIT: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(2);
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
    trip(&breaker);
    breaker
}

fn trip(breaker: &CircuitBreaker) {
    let call = breaker.try_acquire();
    call.expect("it is closed").failure();
}

fn by() -> Override {
    Override::new("alice", "test")
}

/// A number of waiting calls, in this order.
fn line(breaker: &CircuitBreaker, len: usize) -> Vec<Spawn<Acquire>> {
    let mut line: Vec<_> = (0..len).map(|_| task::spawn(breaker.acquire())).collect();
    for waiter in &mut line {
        assert_pending!(waiter.poll());
    }
    line
}

fn woken(line: &[Spawn<Acquire>]) -> Vec<bool> {
    line.iter().map(Spawn::is_woken).collect()
}

#[tokio::test(start_paused = true)]
async fn a_closed_circuit_lets_in_at_once() {
    let breaker = breaker(Probes::one());
    let call = assert_ready!(task::spawn(breaker.acquire()).poll());
    call.success();
    assert!(format!("{:?}", breaker.acquire()).contains("waits: false"));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_is_admitted_at_the_end_of_the_wait() {
    let breaker = open();
    let begun = Instant::now();
    let probe = breaker.acquire().await;
    assert_eq!((begun.elapsed(), breaker.state()), (WAIT, State::HalfOpen));
    probe.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn no_call_is_woken_while_nothing_changes() {
    let breaker = open();
    let mut line = line(&breaker, 3);
    for _ in 0..49 {
        advance(Duration::from_millis(100)).await;
        assert!(
            breaker.try_acquire().is_err(),
            "looks and rejections change nothing"
        );
    }
    assert_eq!(woken(&line), [false, false, false]);
    advance(Duration::from_millis(100)).await;
    assert_eq!(woken(&line), [true, true, true], "a timer for each");
    let _probe = assert_ready!(line[0].poll());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_an_hour_is_polled_once_a_minute() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_secs(3_600)))
        .build("slow")
        .unwrap();
    trip(&breaker);
    let polls = Arc::new(AtomicUsize::new(0));
    let mut acquire = Box::pin(breaker.acquire());
    let counted = Arc::clone(&polls);
    std::future::poll_fn(move |cx| {
        counted.fetch_add(1, SeqCst);
        acquire.as_mut().poll(cx)
    })
    .await
    .success();
    assert_eq!(polls.load(SeqCst), 61, "the first one begins to wait");
}

#[tokio::test(start_paused = true)]
async fn every_admitting_transition_wakes_all_in_the_same_tick() {
    let transitions: [fn(&CircuitBreaker); 4] = [
        |breaker| breaker.reset(by()),
        |b| b.disable(by()),
        |b| b.metrics_only(by()),
        |b| {
            b.force_open(by());
            b.resume(by());
        },
    ];
    for transition in transitions {
        let breaker = open();
        // More than are woken in one go.
        let mut line = line(&breaker, 40);
        transition(&breaker);
        for waiter in &mut line {
            assert!(waiter.is_woken());
            assert_ready!(waiter.poll()).success();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transition_wakes_32_calls_in_its_thread() {
    let breaker = open();
    let mut line = line(&breaker, 98);
    breaker.reset(by());
    assert_eq!(woken(&line), [[true; 32].as_slice(), &[false; 66]].concat());
    // The first one wakes as many when it asks and when it leaves the queue.
    assert_ready!(line[0].poll()).success();
    assert_eq!(
        woken(&line[1..]),
        [[true; 95].as_slice(), &[false; 2]].concat()
    );
    drop(line.remove(1));
    assert!(line[1..].iter().all(Spawn::is_woken));
}

#[tokio::test(start_paused = true)]
async fn a_free_slot_wakes_the_longest_waiting_call() {
    let breaker = breaker(Probes::results(8).in_flight(3));
    trip(&breaker);
    let mut line = line(&breaker, 6);
    advance(WAIT).await;
    let _first = assert_ready!(line[0].poll());
    let second = assert_ready!(line[1].poll());
    let third = assert_ready!(line[2].poll());
    for waiter in &mut line[3..] {
        assert!(waiter.is_woken(), "by its timer");
        assert_pending!(waiter.poll());
    }
    second.success();
    assert_eq!(woken(&line)[3..], [true, false, false]);
    third.success();
    assert_eq!(woken(&line)[3..], [true, true, false]);
    // Both slots are free: the second of the two is faster.
    let _fourth = assert_ready!(line[4].poll());
    let _fifth = assert_ready!(line[3].poll());
    assert_pending!(line[5].poll());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_or_ignored_probe_wakes_a_waiting_call() {
    let breaker = open();
    advance(WAIT).await;
    for give_back in [Call::ignore, |call| drop(call)] {
        let probe = breaker.try_acquire().unwrap();
        let mut waiter = task::spawn(breaker.acquire());
        assert_pending!(waiter.poll());
        give_back(probe);
        assert!(waiter.is_woken());
        assert_ready!(waiter.poll()).ignore();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_probe_delays_waiting_calls_until_its_deadline() {
    let breaker = breaker(Probes::results(2).in_flight(1));
    trip(&breaker);
    advance(WAIT).await;
    let hung = breaker.try_acquire().unwrap();
    let begun = Instant::now();
    let probe = breaker.acquire().await;
    assert_eq!(begun.elapsed(), PROBE);
    assert_eq!(breaker.snapshot().probes_settled(), 1);
    drop((hung, probe));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_again_is_waited_for_again() {
    let breaker = open();
    let begun = Instant::now();
    let line = line(&breaker, 2);
    let mut line = line.into_iter();
    let (mut first, mut second) = (line.next().unwrap(), line.next().unwrap());
    advance(WAIT).await;
    assert_ready!(first.poll()).failure_for(2 * WAIT);
    assert!(second.is_woken(), "it sets its timer anew");
    assert_pending!(second.poll());
    advance(WAIT).await;
    assert!(!second.is_woken());
    advance(WAIT).await;
    assert!(second.is_woken());
    assert_ready!(second.poll()).success();
    assert_eq!(begun.elapsed(), 3 * WAIT);
}

#[tokio::test(start_paused = true)]
async fn on_a_ramp_each_asks_once_a_step_and_its_end_lets_all_in() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one())
        .ramp(Ramp::new(PROBE)) // 10, 25, 50 %
        .build("ramp")
        .unwrap();
    trip(&breaker);
    let mut line = line(&breaker, 200);
    let begun = Instant::now();
    let mut polls = 0;
    let mut let_in = Vec::new();
    while !line.is_empty() {
        line.retain_mut(|waiter| {
            if !waiter.is_woken() {
                return true;
            }
            polls += 1;
            let Poll::Ready(call) = waiter.poll() else {
                return true;
            };
            call.success();
            let_in.push(begun.elapsed());
            false
        });
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(let_in[0], WAIT, "the probe");
    let at = |step: u32| {
        let_in[1..]
            .iter()
            .filter(move |at| **at == WAIT + step * PROBE)
    };
    // 199 wait. A tenth of them, a quarter of the others, half of those; and then the rest.
    let shares = [0, 1, 2, 3].map(|step| at(step).count());
    assert_eq!(
        shares.iter().sum::<usize>(),
        199,
        "each at the beginning of a step"
    );
    for (share, expected) in shares.into_iter().zip([20, 45, 67, 67]) {
        assert!(share.abs_diff(expected) <= 10, "{shares:?}");
    }
    assert!(
        polls <= 200 * 4,
        "{polls} polls: nobody is woken for nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn an_override_moves_or_stops_the_waiting_timer() {
    let breaker = open();
    let mut waiter = task::spawn(breaker.acquire());
    assert_pending!(waiter.poll());
    breaker.force_open(by());
    assert!(waiter.is_woken());
    assert_pending!(waiter.poll());
    // Less than a minute, after which it looks in case that nobody woke it.
    advance(11 * WAIT).await;
    assert!(!waiter.is_woken());
    breaker.force_open(by().lasting(WAIT));
    assert!(waiter.is_woken());
    assert_pending!(waiter.poll());
    advance(WAIT.saturating_sub(NANO)).await;
    assert_pending!(waiter.poll());
    advance(Duration::from_millis(1)).await;
    assert!(waiter.is_woken());
    assert_ready!(waiter.poll()).success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_leaves_the_queue_wakes_no_other() {
    let breaker = open();
    let mut line = line(&breaker, 3);
    assert_eq!(breaker.waiting(), 3);
    drop(line.remove(0));
    assert_eq!((breaker.waiting(), woken(&line)), (2, vec![false, false]));
    advance(WAIT).await;
    assert_eq!(woken(&line), [true, true]);
    let _probe = assert_ready!(line[0].poll());
    assert_eq!(breaker.waiting(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_passes_its_slot_on() {
    let breaker = open();
    advance(WAIT).await;
    let probe = breaker.try_acquire().unwrap();
    let mut line = line(&breaker, 3);
    probe.ignore();
    assert_eq!(woken(&line), [true, false, false]);
    drop(line.remove(1));
    assert_eq!(woken(&line), [true, false], "nothing was offered to it");
    drop(line.remove(0));
    assert_eq!(woken(&line), [true]);
    let _probe = assert_ready!(line[0].poll());
}

#[tokio::test(start_paused = true)]
async fn a_static_breaker_is_waited_for_as_well() {
    static MAIL: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build_static("mail");
    MAIL.try_acquire().unwrap().failure();
    let begun = Instant::now();
    MAIL.acquire().await.success();
    assert_eq!(begun.elapsed(), WAIT);
}

// === The layer ===

/// Echoes, and knows how often it was cloned and called.
#[derive(Debug, Default)]
struct Echo {
    clones: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Clone for Echo {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, SeqCst);
        Self {
            clones: Arc::clone(&self.clones),
            calls: Arc::clone(&self.calls),
        }
    }
}

/// Has no room for anything.
#[derive(Debug, PartialEq)]
struct Cramped;

impl Service<u32> for Echo {
    type Response = u32;
    type Error = Cramped;
    type Future = std::future::Ready<Result<u32, Cramped>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Cramped>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: u32) -> Self::Future {
        self.calls.fetch_add(1, SeqCst);
        std::future::ready(if request == 0 {
            Err(Cramped)
        } else {
            Ok(request)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_without_room_in_the_error_and_clones_once() {
    let breaker = open();
    let echo = Echo::default();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(echo.clone());
    let begun = Instant::now();
    let before = echo.clones.load(SeqCst);
    assert_ready_ok!(task::spawn(()).enter(|cx, _| Service::<u32>::poll_ready(&mut service, cx)));
    assert_eq!(service.call(7).await, Ok(7));
    assert_eq!((begun.elapsed(), breaker.state()), (WAIT, State::Closed));
    assert_eq!(echo.clones.load(SeqCst), before + 1);
    assert_eq!(service.call(0).await, Err(Cramped));
    assert_eq!(breaker.state(), State::Open, "its error is a failure");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_waits_takes_a_classifier() {
    let breaker = open();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .failure_if(|result: &Result<u32, Cramped>| *result == Ok(7))
        .layer(Echo::default());
    assert_eq!(service.call(7).await, Ok(7));
    assert_eq!(breaker.state(), State::Open, "a 7 is a failure");
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .classify(|_: &Result<u32, Cramped>| Outcome::Success)
        .layer(Echo::default());
    assert_eq!(service.call(0).await, Err(Cramped));
    assert_eq!(breaker.state(), State::Closed, "all is a success");
}

#[tokio::test(start_paused = true)]
async fn an_idle_clone_and_a_future_that_is_not_polled_hold_no_place() {
    let breaker = open();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(Echo::default());
    advance(WAIT).await;
    let idle = service.clone();
    let unpolled = service.call(1);
    assert_ready_ok!(task::spawn(()).enter(|cx, _| Service::<u32>::poll_ready(&mut service, cx)));
    assert_eq!(breaker.snapshot().probes_in_flight(), 0);
    assert_ready_ok!(task::spawn(service.call(2)).poll());
    drop((idle, unpolled));
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_the_inner_service_is_not_asked() {
    let breaker = open();
    let (service, mut inner) = mock::pair::<u32, u32>();
    let mut service = CircuitBreakerLayer::new(breaker).wait().layer(service);
    inner.allow(0);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    advance(WAIT).await;
    assert_pending!(call.poll()); // admitted; the inner service is not ready
    inner.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, respond) = assert_ready!(inner.poll_request()).unwrap();
    assert_eq!(request, 1);
    respond.send_response(2);
    assert_eq!(assert_ready_ok!(call.poll()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_inner_readiness_frees_its_slot() {
    let breaker = open();
    let (service, mut inner) = mock::pair::<u32, u32>();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(service);
    inner.allow(0);
    advance(WAIT).await;
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    assert_eq!(breaker.snapshot().probes_in_flight(), 1);
    drop(call);
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.probes_in_flight(), snapshot.state()),
        (0, State::HalfOpen)
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_readiness_is_a_failure_and_the_answer() {
    let breaker = breaker(Probes::one());
    let (service, mut inner) = mock::pair::<u32, u32>();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(service);
    inner.send_error("no connection");
    let error = assert_ready_err!(task::spawn(service.call(1)).poll());
    assert_eq!(error.to_string(), "no connection");
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_again_if_it_opens_during_readiness() {
    let breaker = breaker(Probes::one());
    let (service, mut inner) = mock::pair::<u32, u32>();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(service);
    inner.allow(0);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    breaker.force_open(by());
    inner.allow(1);
    assert_pending!(call.poll());
    assert_pending!(inner.poll_request());
    // Another call gets the readiness that it gave up.
    breaker.resume(by());
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, respond) = assert_ready!(inner.poll_request()).unwrap();
    assert_eq!(request, 1);
    respond.send_response(3);
    assert_eq!(assert_ready_ok!(call.poll()), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_let_in_by_a_state_that_is_over_asks_the_next() {
    let breaker = breaker(Probes::one());
    let (service, mut inner) = mock::pair::<u32, u32>();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(service);
    inner.allow(0);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    breaker.reset(by());
    inner.allow(1);
    assert_pending!(call.poll());
    let (_, respond) = assert_ready!(inner.poll_request()).unwrap();
    respond.send_error("down");
    assert_ready_err!(call.poll());
    assert_eq!(
        breaker.state(),
        State::Open,
        "its result counts, for the state that is"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_inner_readiness_is_a_failure_at_once() {
    #[derive(Clone)]
    struct Panics;
    impl Service<u32> for Panics {
        type Response = ();
        type Error = BoxError;
        type Future = std::future::Ready<Result<(), BoxError>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), BoxError>> {
            panic!("in readiness")
        }
        fn call(&mut self, _: u32) -> Self::Future {
            unreachable!("it is never ready")
        }
    }
    let breaker = breaker(Probes::one());
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(Panics);
    let mut call = task::spawn(service.call(1));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call.poll()));
    assert!(panicked.is_err());
    assert_eq!(breaker.state(), State::Open, "before the future is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_that_is_dropped_leaves_nothing_behind() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .on_cancel(OnCancel::Failure)
        .build("cancelled")
        .unwrap();
    breaker.force_open(by());
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .wait()
        .layer(Echo::default());
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    drop(call);
    breaker.resume(by());
    assert_eq!(
        breaker.snapshot().consecutive_failures(),
        0,
        "it was never let in"
    );
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn each_key_of_a_family_is_waited_for_by_itself() {
    let hosts = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .build_family::<u32>("hosts", 8)
        .unwrap();
    let mut service = CircuitBreakerLayer::new(hosts.by(|host: &u32| *host))
        .classify(|r: &Result<u32, Cramped>| match r {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        })
        .wait()
        .layer(Echo::default());
    assert_ready_err!(task::spawn(service.call(0)).poll());
    assert_eq!(hosts.get(&0).state(), State::Open);
    let mut waits = task::spawn(service.call(0));
    assert_pending!(waits.poll());
    assert_ready_ok!(task::spawn(service.call(1)).poll());
    advance(WAIT).await;
    assert!(waits.is_woken());
    assert_ready_err!(waits.poll());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_bounds_the_wait() {
    let breaker = open();
    breaker.force_open(by());
    let mut service = CircuitBreakerLayer::new(breaker)
        .wait()
        .layer(Echo::default());
    assert!(tokio::time::timeout(WAIT, service.call(1)).await.is_err());
}

#[tokio::test]
async fn waiters_of_many_threads_all_come_through() {
    let breaker = breaker(Probes::results(4).in_flight(2));
    breaker.force_open(by());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let breaker = breaker.clone();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for _ in 0..500 {
                        breaker.acquire().await.success();
                    }
                });
            });
        }
        for _ in 0..500 {
            breaker.force_open(by());
            breaker.resume(by());
        }
    });
    assert_eq!(breaker.state(), State::Closed);
}

fn is_send<T: Send>(_: &T) {}
fn is_shared<T: Send + Sync + Clone>(_: &T) {}

#[test]
fn waiting_futures_are_small_and_keep_auto_traits() {
    let mut service = CircuitBreakerLayer::new(breaker(Probes::one()))
        .wait()
        .layer(service_fn(async |_: std::cell::Cell<u8>| {
            Ok::<_, BoxError>(())
        }));
    let acquire = breaker(Probes::one()).acquire();
    let call = service.call(std::cell::Cell::new(1));
    let sizes = (size_of_val(&acquire), size_of_val(&call));
    // Where a token is watched it knows since when.
    let token = if cfg!(feature = "metrics") { 40 } else { 32 };
    // How large a timer is depends on the features of tokio, which any crate of a build may enable.
    let timer = size_of::<tokio::time::Sleep>();
    assert!(
        sizes.0 <= timer + 32 && sizes.1 <= timer + 40 + token,
        "{sizes:?} with a timer of {timer}"
    );
    is_send(&call);
    is_shared(&service);
}

assert_impl_all!(Acquire: Send, Sync);
assert_impl_all!(maestro_circuit_breaker::WaitLayer: Clone, Send, Sync, std::fmt::Debug);
