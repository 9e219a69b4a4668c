//! What an operator can do to a circuit.

use std::time::Duration;

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, CircuitBreakerLayer, Open, Override, Probes, State,
    StaticCircuitBreaker, Wait,
};
use tokio::time::advance;
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
async fn forced_open_it_stays_so_whatever_time_and_calls_bring_until_somebody_resumes() {
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
        "circuit `forced` is forced open: try again in 5s"
    );
    breaker.reset();
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
async fn forcing_a_half_open_circuit_forgets_its_probes_and_cancels_the_wait() {
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
fn only_measuring_it_says_how_often_it_would_have_opened_and_why() {
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
    breaker.reset();
    assert_eq!(breaker.snapshot().would_have_opened(), 0);
}

#[test]
fn a_service_goes_by_an_operators_word_and_asks_the_inner_service_accordingly() {
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
