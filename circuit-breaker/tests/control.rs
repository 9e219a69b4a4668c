//! What an operator can do to a circuit, and what others hear of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    sync::{Arc, mpsc},
    time::Duration,
};

use maestro_circuit_breaker::{
    Builder, Cause, CircuitBreaker, CircuitBreakerLayer, Open, Override, Probes, State,
    StaticCircuitBreaker, Transition, Wait,
};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower_test::mock;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn builder() -> Builder {
    CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(Wait::fixed(secs(5)))
        .probes(Probes::results(1))
}

fn by() -> Override {
    Override::new("alice", "test")
}

fn fail(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("it is let in").failure();
    }
}

#[tokio::test(start_paused = true)]
async fn forced_open_stays_until_it_is_resumed() {
    let breaker = builder().build("forced").unwrap();
    let under_way = breaker.try_acquire().unwrap();
    breaker.force_open(by());
    under_way.success();
    advance(secs(86_400)).await;
    let open = breaker.try_acquire().unwrap_err();
    // Nobody knows for how long, so the usual wait.
    assert_eq!(
        (open.state(), open.retry_after()),
        (State::ForcedOpen, secs(5))
    );
    assert_eq!(
        open.to_string(),
        "circuit `forced` is forced open by alice (test): try again in 5s"
    );
    assert_eq!((open.by(), open.cause()), (Some(by()), None));
    breaker.reset(by());
    assert_eq!(breaker.try_acquire().unwrap_err().by(), Some(by()));
    assert_eq!(
        breaker.state(),
        State::ForcedOpen,
        "a reset clears what is counted"
    );
    assert!(breaker.resume(Override::new("bob", "over")));
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state(), State::Closed);
    assert_eq!(snapshot.last_override().map(Override::actor), Some("bob"));
    assert!(!breaker.resume(by()), "there is nothing to resume from");
    assert_eq!(breaker.snapshot(), snapshot);
}

#[tokio::test(start_paused = true)]
async fn only_a_forced_rejection_names_an_override() {
    let breaker = builder().build("forced").unwrap();
    breaker.force_open(Override::new("alice", ""));
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!(
        open.to_string(),
        "circuit `forced` is forced open by alice: try again in 5s"
    );
    // Replaced, the rejections before keep theirs.
    breaker.force_open(Override::new("", "drill").lasting(secs(60)));
    let later = breaker.try_acquire().unwrap_err();
    assert_eq!(
        later.to_string(),
        "circuit `forced` is forced open (drill): try again in 60s"
    );
    assert_eq!(open.by(), Some(Override::new("alice", "")));
    assert_ne!(open, later);
    assert_eq!(later, breaker.try_acquire().unwrap_err());
    advance(secs(60)).await;
    fail(&breaker, 2);
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!((open.state(), open.by()), (State::Open, None));
}

#[tokio::test(start_paused = true)]
async fn an_override_ends_by_itself_at_its_very_instant() {
    for force in [
        CircuitBreaker::force_open,
        CircuitBreaker::disable,
        CircuitBreaker::metrics_only,
    ] {
        let breaker = builder().build("ends").unwrap();
        force(&breaker, by().lasting(secs(60)));
        advance(Duration::from_nanos(59_999_999_999)).await;
        assert_ne!(breaker.state(), State::Closed);
        if let Err(open) = breaker.try_acquire() {
            assert_eq!(open.retry_after(), Duration::from_nanos(1));
        }
        advance(Duration::from_nanos(1)).await;
        breaker.try_acquire().expect("closed").success();
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(
            breaker.snapshot().last_override(),
            Some(&by().lasting(secs(60)))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn forcing_a_half_open_breaker_forgets_its_probes() {
    let breaker = builder().build("half-open").unwrap();
    fail(&breaker, 2);
    advance(secs(5)).await;
    let probe = breaker.try_acquire().unwrap();
    breaker.force_open(by());
    probe.success();
    assert_eq!(breaker.snapshot().state(), State::ForcedOpen);
    breaker.resume(by());
    // As new.
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    advance(secs(4)).await;
    breaker.force_open(by());
    advance(secs(1)).await;
    assert_eq!(breaker.state(), State::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn a_tripped_breaker_waits_and_probes_as_usual() {
    let breaker = builder().build("tripped").unwrap();
    let late = breaker.try_acquire().unwrap();
    let heard = heard(&breaker);
    assert!(breaker.trip(by().lasting(secs(3_600))));
    late.success();
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!((open.state(), open.retry_after()), (State::Open, secs(5)));
    assert_eq!(
        open.to_string(),
        "circuit `tripped` is open since an operator opened it: try again in 5s"
    );
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.cause(), Some(Cause::Tripped));
    assert_eq!(snapshot.last_override().map(Override::actor), Some("alice"));

    advance(secs(5)).await;
    breaker.try_acquire().expect("a probe").success();
    assert_eq!(breaker.state(), State::Closed);
    let lines: Vec<_> = heard.try_iter().map(|told| told.to_string()).collect();
    assert_eq!(
        lines,
        [
            "circuit `tripped`: closed to open, as an operator opened it, by alice: test",
            "circuit `tripped`: open to half-open",
            "circuit `tripped`: half-open to closed",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_trip_makes_no_wait_longer() {
    let wait = Wait::exponential(secs(5), secs(60));
    let breaker = builder().wait_in_open(wait).build("twice").unwrap();
    assert!(breaker.trip(by()));
    advance(secs(4)).await;
    assert!(!breaker.trip(Override::new("bob", "again")));
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.retry_after(), Some(secs(1)));
    assert_eq!(snapshot.last_override().map(Override::actor), Some("alice"));
    // Half-open, it opens again, and the probe in flight is late.
    advance(secs(1)).await;
    let probe = breaker.try_acquire().unwrap();
    assert!(breaker.trip(by()));
    probe.success();
    assert_eq!(breaker.snapshot().retry_after(), Some(secs(10)));
}

#[tokio::test(start_paused = true)]
async fn a_trip_ends_an_override() {
    for force in [
        CircuitBreaker::force_open,
        CircuitBreaker::disable,
        CircuitBreaker::metrics_only,
    ] {
        let breaker = builder().build("after").unwrap();
        force(&breaker, by());
        assert!(breaker.trip(by()));
        assert_eq!(breaker.state(), State::Open);
        assert!(!breaker.resume(by()), "no override holds");
        advance(secs(5)).await;
        assert_eq!(breaker.state(), State::HalfOpen);
    }
}

#[test]
fn disabled_it_lets_everything_through_and_records_nothing() {
    let breaker = CircuitBreaker::builder()
        .minimum_calls(1)
        .build("disabled")
        .unwrap();
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
    breaker.disable(by());
    fail(&breaker, 100);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state(), snapshot.calls()), (State::Disabled, 0));
    assert_eq!(snapshot.retry_after(), None);
}

#[test]
fn metrics_only_counts_would_be_openings_and_causes() {
    let breaker = builder().build("measured").unwrap();
    breaker.metrics_only(by());
    fail(&breaker, 1);
    assert_eq!(breaker.snapshot().consecutive_failures(), 1);
    fail(&breaker, 4);
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.state(), snapshot.would_have_opened()),
        (State::MetricsOnly, 2)
    );
    let cause = snapshot.cause().map(|cause| cause.to_string());
    assert_eq!(cause.as_deref(), Some("2 calls in a row failed"));
    breaker.resume(by());
    assert_eq!(
        breaker.snapshot().would_have_opened(),
        2,
        "it can still be read"
    );
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed, "counted from nothing");
    breaker.reset(by());
    assert_eq!(breaker.snapshot().would_have_opened(), 0);
}

#[test]
fn a_service_follows_overrides_in_poll_ready() {
    let breaker = builder().build("service").unwrap();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    handle.allow(0);
    breaker.force_open(by());
    assert_ready_ok!(service.poll_ready());
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(
        Open::find(error.as_ref()).map(Open::state),
        Some(State::ForcedOpen)
    );
    breaker.disable(by());
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    assert_pending!(task::spawn(service.call(())).poll());
}

#[test]
fn a_breaker_in_a_static_is_steered_alike() {
    static BREAKER: StaticCircuitBreaker = builder_const().build_static("static");
    const fn builder_const() -> Builder {
        CircuitBreaker::builder().consecutive_failures(2)
    }
    BREAKER.force_open(by());
    assert!(BREAKER.try_acquire().is_err());
    assert!(BREAKER.resume(by()));
    assert!(BREAKER.try_acquire().is_ok());
}

#[test]
fn the_longest_and_the_shortest_override_are_legal() {
    let breaker = builder().build("hostile").unwrap();
    breaker.force_open(by().lasting(Duration::MAX));
    assert!(breaker.try_acquire().unwrap_err().retry_after() > secs(35 * 365 * 86_400));
    breaker.force_open(by().lasting(Duration::ZERO));
    assert_eq!(breaker.state(), State::Closed);
}

// === Listeners ===

/// Everything that a listener hears.
fn heard(breaker: &CircuitBreaker) -> mpsc::Receiver<Transition> {
    let (tell, heard) = mpsc::channel();
    breaker
        .on_transition(move |transition| drop(tell.send(transition.clone())))
        .detach();
    heard
}

#[tokio::test(start_paused = true)]
async fn a_transition_says_from_to_cause_actor_and_when_it_was_due() {
    let breaker = builder().build("audit").unwrap();
    let heard = heard(&breaker);
    let start = Instant::now();
    fail(&breaker, 2);
    advance(secs(7)).await;
    breaker.try_acquire().unwrap().success();
    breaker.force_open(by().lasting(secs(1)));
    advance(secs(3)).await;
    breaker.state();
    let expected = [
        (
            State::Closed,
            State::Open,
            0,
            "circuit `audit`: closed to open, as 2 calls in a row failed",
        ),
        (
            State::Open,
            State::HalfOpen,
            5,
            "circuit `audit`: open to half-open",
        ),
        (
            State::HalfOpen,
            State::Closed,
            7,
            "circuit `audit`: half-open to closed",
        ),
        (
            State::Closed,
            State::ForcedOpen,
            7,
            "circuit `audit`: closed to forced open, by alice: test",
        ),
        (
            State::ForcedOpen,
            State::Closed,
            8,
            "circuit `audit`: forced open to closed",
        ),
    ];
    for (n, (from, to, at, line)) in (1..).zip(expected) {
        let transition = heard.try_recv().unwrap();
        assert_eq!((transition.from(), transition.to()), (from, to));
        assert_eq!(transition.at() - start, secs(at), "{line}");
        assert_eq!((transition.name(), transition.generation()), ("audit", n));
        assert_eq!(transition.to_string(), line);
        assert_eq!(transition.by().is_some(), to == State::ForcedOpen);
        let opened = matches!(transition.cause(), Cause::ConsecutiveFailures { .. });
        assert_eq!(opened, to == State::Open);
    }
    assert!(heard.try_recv().is_err());
}

#[test]
fn a_reset_and_what_would_have_opened_it_are_told_too() {
    let breaker = builder().build("told").unwrap();
    let heard = heard(&breaker);
    breaker.reset(by());
    breaker.metrics_only(by());
    fail(&breaker, 2);
    let pairs: Vec<_> = heard
        .try_iter()
        .map(|t| (t.from(), t.to(), t.cause().opens()))
        .collect();
    let (closed, measured) = (State::Closed, State::MetricsOnly);
    let expected = [
        (closed, closed, false),
        (closed, measured, false),
        (measured, measured, true),
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn a_listener_sees_the_new_state_and_may_change_it() {
    let breaker = builder().build("re-entrant").unwrap();
    let (tell, heard) = mpsc::channel();
    let inside = breaker.clone();
    let listener = breaker.on_transition(move |transition| {
        assert_eq!(inside.snapshot().generation(), transition.generation());
        if transition.to() == State::Open {
            inside.disable(by());
            inside.try_acquire().expect("disabled").failure();
        }
        tell.send(transition.to()).unwrap();
    });
    fail(&breaker, 2);
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [State::Open, State::Disabled]
    );
    drop(listener); // and with it the handle inside
    breaker.resume(by());
    assert!(heard.recv().is_err(), "the closure is gone");
}

#[test]
fn a_panicking_listener_harms_no_other_and_no_call() {
    let breaker = builder().build("panics").unwrap();
    breaker.on_transition(|_| panic!("a listener")).detach();
    let heard = heard(&breaker);
    fail(&breaker, 2);
    breaker.reset(by());
    fail(&breaker, 1);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _call = breaker.try_acquire().unwrap();
        panic!("during the call");
    }));
    assert!(caught.is_err());
    let to: Vec<_> = heard.try_iter().map(|transition| transition.to()).collect();
    assert_eq!(to, [State::Open, State::Closed, State::Open]);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a value of the test");
    }
}

#[test]
fn a_panic_whose_value_panics_again_stops_nothing() {
    let breaker = builder().build("payload").unwrap();
    breaker.on_transition(|_| panic_any(Bomb)).detach();
    let heard = heard(&breaker);
    fail(&breaker, 2);
    breaker.reset(by());
    let to: Vec<_> = heard.try_iter().map(|transition| transition.to()).collect();
    assert_eq!(to, [State::Open, State::Closed]);
}

#[test]
fn a_listener_that_panics_in_call_and_drop_stops_nothing() {
    let breaker = builder().build("twice").unwrap();
    let kept = Arc::new(parking_lot::Mutex::new(None));
    let (other, bomb) = (Arc::clone(&kept), Bomb);
    *kept.lock() = Some(breaker.on_transition(move |_| {
        let _ = &bomb;
        drop(other.lock().take());
        panic!("a listener that is unsubscribed");
    }));
    let heard = heard(&breaker);
    fail(&breaker, 2);
    breaker.reset(by());
    let to: Vec<_> = heard.try_iter().map(|transition| transition.to()).collect();
    assert_eq!(to, [State::Open, State::Closed]);
}

#[test]
fn a_listener_that_panics_when_dropped_stops_nothing() {
    let breaker = builder().build("drop").unwrap();
    let (tell, heard) = mpsc::channel();
    let kept = Arc::new(parking_lot::Mutex::new(None));
    let other = Arc::clone(&kept);
    breaker
        .on_transition(move |transition| {
            tell.send(transition.to()).unwrap();
            // The other listener is in this delivery, which then owns it alone.
            drop(other.lock().take());
        })
        .detach();
    let bomb = Bomb;
    *kept.lock() = Some(breaker.on_transition(move |_| {
        let _ = &bomb;
    }));
    fail(&breaker, 2);
    breaker.reset(by());
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [State::Open, State::Closed]
    );
}

#[test]
fn a_slow_listener_delays_only_the_call_that_delivers() {
    let breaker = builder().build("slow").unwrap();
    let (entered, is_in) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Arc::new(parking_lot::Mutex::new(wait));
    let (tell, heard) = mpsc::channel();
    breaker
        .on_transition(move |transition| {
            tell.send(transition.to()).unwrap();
            entered.send(()).unwrap();
            wait.lock().recv().unwrap();
        })
        .detach();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| fail(&breaker, 2));
        is_in.recv().unwrap();
        // It is in the listener, and stays. All other calls go on, and see the new state.
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.try_acquire().is_err());
        breaker.reset(by());
        fail(&breaker, 2);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [State::Open]);
        for _ in 0..3 {
            go_on.send(()).unwrap();
        }
        slow.join().unwrap();
    });
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [State::Closed, State::Open]
    );
}

#[test]
fn concurrent_transitions_are_told_once_and_in_order() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build("threads")
        .unwrap();
    let heard = heard(&breaker);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    match breaker.try_acquire() {
                        Ok(call) => call.failure(),
                        Err(_) => breaker.reset(by()),
                    }
                }
            });
        }
    });
    let generations: Vec<_> = heard.try_iter().map(|t| t.generation()).collect();
    assert!(
        generations
            .iter()
            .copied()
            .eq(1..=breaker.snapshot().generation())
    );
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_woken_and_sees_the_latest_transition() {
    let breaker = builder().build("watched").unwrap();
    let (mut first, mut second) = (breaker.watch(), breaker.watch());
    assert!(first.borrow().is_none());
    let mut opens =
        task::spawn(first.wait_for(|t| t.as_ref().is_some_and(|t| t.to() == State::Open)));
    assert!(opens.poll().is_pending());
    breaker.try_acquire().unwrap().failure();
    assert!(!opens.is_woken());
    breaker.try_acquire().unwrap().failure();
    assert!(opens.is_woken());
    assert!(opens.poll().is_ready());
    drop(opens);
    breaker.reset(by());
    assert!(second.has_changed().unwrap());
    assert_eq!(
        second.borrow_and_update().as_ref().map(Transition::to),
        Some(State::Closed)
    );
    drop(breaker);
    assert!(second.changed().await.is_err(), "the breaker is gone");
}

#[test]
fn a_breaker_in_a_static_is_heard_alike() {
    static BREAKER: StaticCircuitBreaker = CircuitBreaker::builder().build_static("static");
    let (tell, heard) = mpsc::channel();
    let _listener = BREAKER.on_transition(move |transition| tell.send(transition.to()).unwrap());
    BREAKER.force_open(by());
    assert_eq!(heard.try_recv(), Ok(State::ForcedOpen));
}

#[tokio::test(start_paused = true)]
async fn debug_shows_what_the_accessors_return() {
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    let breaker = builder.build("debug").unwrap();
    let (sender, transitions) = mpsc::channel();
    let _listener = breaker.on_transition(move |transition: &Transition| {
        let _ = sender.send(format!("{transition:?}"));
    });
    breaker.try_acquire().unwrap().failure();
    advance(Duration::from_millis(1_234)).await;
    let cause = "ConsecutiveFailures { failures: 1 }";
    assert_eq!(
        format!("{:?}", breaker.snapshot()),
        format!(
            "Snapshot {{ name: \"debug\", key: None, state: Open, generation: 1, calls: 0, failures: 0, slow_calls: 0, \
             percent_admitted: 0, consecutive_failures: 0, probes_in_flight: 0, probes_settled: 0, \
             retry_after: Some(3.766s), last_override: None, would_have_opened: 0, kept_closed: 0, \
             cause: Some({cause}) }}"
        )
    );
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!(
        format!("{open:?}"),
        format!(
            "Open {{ name: \"debug\", key: None, state: Open, retry_after: 3.766s, cause: Some({cause}), by: None, \
             is_unready: false }}"
        )
    );
    assert_eq!(
        open.to_string(),
        "circuit `debug` is open since a call failed: try again in 3.8s"
    );
    assert_eq!(
        transitions.recv().unwrap(),
        format!(
            "Transition {{ name: \"debug\", key: None, generation: 1, from: Closed, to: Open, cause: {cause}, by: None, .. }}"
        )
    );
    let wait = Wait::fixed(Duration::from_secs(1)).jitter(0.2);
    assert_eq!(
        format!("{wait:?}"),
        "Wait { first: 1s, cap: 1s, multiplier: Some(2.0), jitter: Share(0.2) }"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reset_names_its_actor() {
    let breaker = CircuitBreaker::new("store");
    let (tell, told) = mpsc::channel();
    let _listener = breaker.on_transition(move |transition| {
        tell.send(transition.by().cloned()).ok();
    });
    breaker.reset(by());
    assert_eq!(told.try_recv(), Ok(Some(by())));
    assert_eq!(breaker.snapshot().last_override(), Some(&by()));

    let holds = Override::new("bob", "migration");
    breaker.force_open(holds.clone());
    breaker.reset(by());
    assert_eq!(breaker.snapshot().last_override(), Some(&holds));
    assert_eq!(breaker.try_acquire().unwrap_err().by(), Some(holds));
}

#[tokio::test(start_paused = true)]
async fn forced_is_the_override_that_holds() {
    let breaker = CircuitBreaker::new("store");
    assert_eq!(breaker.forced(), None);
    breaker.trip(by());
    assert_eq!(breaker.forced(), None, "a trip goes on as usual");
    let forced: [fn(&CircuitBreaker, Override); 3] = [
        CircuitBreaker::force_open,
        CircuitBreaker::disable,
        CircuitBreaker::metrics_only,
    ];
    for force in forced {
        let minute = by().lasting(Duration::from_secs(60));
        force(&breaker, minute.clone());
        assert_eq!(breaker.forced(), Some(minute));
        advance(Duration::from_secs(60)).await;
        assert_eq!(breaker.forced(), None);
    }
}
