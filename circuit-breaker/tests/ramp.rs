//! How calls come back gradually, on a clock that stands still until it is moved.

use std::time::Duration;

use maestro_circuit_breaker::{
    Builder, Call, Cause, CircuitBreaker, CircuitBreakerLayer, InvalidConfigKind, Open, Override,
    Probes, Ramp, State, Wait, Window,
};
use tokio::time::{Instant, advance};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

const STEP: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(5);
const NANO: Duration = Duration::from_nanos(1);

fn builder() -> Builder {
    CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(Wait::exponential(WAIT, WAIT * 8))
        .probes(Probes::one())
        .ramp(Ramp::new(STEP))
}

fn open(breaker: &CircuitBreaker) {
    for _ in 0..2 {
        next(breaker).failure();
    }
}

/// The next call that is admitted.
fn next(breaker: &CircuitBreaker) -> Call {
    let mut calls = (0..100).filter_map(|_| breaker.try_acquire().ok());
    calls.next().expect("a share of the calls is let in")
}

/// At the beginning of the ramp.
async fn ramping(builder: Builder) -> CircuitBreaker {
    let breaker = builder.build("ramp").expect("the numbers are legal");
    open(&breaker);
    advance(WAIT).await;
    next(&breaker).success();
    assert_eq!(breaker.state(), State::Ramping);
    breaker
}

/// The next call that is rejected.
fn rejected(breaker: &CircuitBreaker) -> Open {
    let mut calls = (0..100).filter_map(|_| breaker.try_acquire().err());
    calls.next().expect("a share of the calls is rejected")
}

/// How many of a hundred calls are admitted.
fn admitted(breaker: &CircuitBreaker) -> usize {
    let calls = (0..100).filter_map(|_| breaker.try_acquire().ok());
    calls.map(Call::success).count()
}

#[tokio::test(start_paused = true)]
async fn a_ramp_admits_a_rising_share_and_then_all() {
    let breaker = ramping(builder()).await;
    for share in [10, 25, 50] {
        assert_eq!(breaker.snapshot().percent_admitted(), share);
        assert_eq!(admitted(&breaker) as u64, share);
        advance(STEP.saturating_sub(NANO)).await;
        assert_eq!(admitted(&breaker) as u64, share);
        advance(NANO).await;
    }
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().percent_admitted(), 100);
    assert_eq!(admitted(&breaker), 100);
}

#[tokio::test(start_paused = true)]
async fn kinds_that_take_turns_get_the_same_share_of_a_ramp() {
    for (share, kinds) in [
        (50, 2),
        (50, 4),
        (50, 10),
        (25, 4),
        (25, 2),
        (10, 10),
        (10, 4),
    ] {
        let breaker = ramping(builder().ramp(Ramp::new(STEP).percent(&[share]))).await;
        let mut admitted = vec![0_usize; kinds];
        for call in 0..1_000 {
            admitted[call % kinds] += usize::from(breaker.try_acquire().is_ok());
        }
        // To within one of each hundred.
        let fair = usize::from(share) * 10 / kinds;
        let is_fair = |of: &usize| of.abs_diff(fair) <= 10;
        assert!(admitted.iter().all(is_fair), "{share} %: {admitted:?}");
        let all: usize = admitted.iter().sum();
        assert_eq!(all, usize::from(share) * 10);
    }
}

#[tokio::test(start_paused = true)]
async fn of_ninety_nine_in_a_hundred_all_are_let_in_but_the_last() {
    let breaker = ramping(builder().ramp(Ramp::new(STEP).percent(&[99]))).await;
    for _ in 0..99 {
        breaker.try_acquire().unwrap().success();
    }
    assert!(breaker.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_rejected_on_a_ramp_learns_when_more_are_admitted() {
    let breaker = ramping(builder()).await;
    breaker.try_acquire().unwrap().success();
    advance(Duration::from_secs(4)).await;
    let open = rejected(&breaker);
    assert_eq!(open.state(), State::Ramping);
    assert_eq!(open.retry_after(), Duration::from_secs(6));
    assert!(matches!(
        open.cause(),
        Some(Cause::ConsecutiveFailures { .. })
    ));
    assert_eq!(
        open.to_string(),
        "circuit `ramp` is ramping since 2 calls in a row failed: try again in 6s"
    );
    // On the last step that is the instant at which every call is admitted.
    advance(Duration::from_secs(6) + STEP).await;
    let open = rejected(&breaker);
    advance(open.retry_after().saturating_sub(NANO)).await;
    assert_eq!(breaker.state(), State::Ramping);
    advance(NANO).await;
    assert_eq!(admitted(&breaker), 100);
}

#[tokio::test(start_paused = true)]
async fn failures_on_the_ramp_open_it_for_longer() {
    let breaker = ramping(builder().ramp(Ramp::new(STEP).percent(&[99]))).await;
    open(&breaker);
    assert_eq!(breaker.state(), State::Open);
    // It has not recovered in between: the second wait in a row.
    assert_eq!(breaker.snapshot().retry_after(), Some(WAIT * 2));
    advance(WAIT * 2).await;
    breaker.try_acquire().unwrap().success();
    // Once it has been closed long enough to forget both openings, the first again.
    advance(STEP + WAIT * 4 + WAIT * 2).await;
    open(&breaker);
    assert_eq!(breaker.snapshot().retry_after(), Some(WAIT));
}

#[tokio::test(start_paused = true)]
async fn a_ratio_counts_on_the_ramp_and_anew_once_it_is_over() {
    let ratio = builder()
        .failure_ratio(0.5)
        .minimum_calls(4)
        .window(Window::calls(8))
        .ramp(Ramp::new(STEP).percent(&[99]));
    let breaker = ramping(ratio).await;
    for failed in [true, false, true] {
        let call = next(&breaker);
        if failed {
            call.failure();
        } else {
            call.success();
        }
    }
    assert_eq!(
        (breaker.snapshot().calls(), breaker.snapshot().failures()),
        (3, 2)
    );
    let late = next(&breaker);
    advance(STEP).await;
    // A transition as any other: a call admitted before it is late, whether or not a call has looked.
    late.failure();
    assert_eq!(
        (breaker.state(), breaker.snapshot().calls()),
        (State::Closed, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_operators_word_a_reset_and_resume_end_the_ramp_at_once() {
    let by = || Override::new("operator", "test");
    let breaker = ramping(builder()).await;
    breaker.reset(Override::new("test", "reset"));
    assert_eq!(breaker.state(), State::Closed);
    let breaker = ramping(builder()).await;
    breaker.force_open(by());
    advance(STEP * 9).await;
    assert_eq!(breaker.state(), State::ForcedOpen);
    breaker.resume(by());
    assert_eq!(breaker.state(), State::Closed);
    let breaker = ramping(builder()).await;
    assert!(!breaker.resume(by()), "a ramp is no operator's state");
}

#[tokio::test(start_paused = true)]
async fn the_ramp_and_its_end_are_transitions_that_listeners_hear_of() {
    let breaker = builder().build("ramp").unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let _listener = breaker.on_transition(move |t| told.send((t.to(), t.at())).unwrap());
    let start = Instant::now();
    open(&breaker);
    advance(WAIT).await;
    breaker.try_acquire().unwrap().success();
    // No call looks for long, and it happened on time.
    advance(STEP * 100).await;
    assert_eq!(breaker.state(), State::Closed);
    let heard: Vec<_> = heard.try_iter().collect();
    assert_eq!(
        heard[2..],
        [
            (State::Ramping, start + WAIT),
            (State::Closed, start + WAIT + STEP * 3)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_on_the_ramp_rejects_beyond_the_share() {
    let breaker = ramping(builder().ramp(Ramp::new(STEP).percent(&[50]))).await;
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker))
        .service(service_fn(async |()| Ok::<_, BoxError>("row")));
    let mut rows = 0;
    for _ in 0..100 {
        match service.ready().await.unwrap().call(()).await {
            Ok(row) => rows += usize::from(row == "row"),
            Err(error) => {
                let open = Open::find(error.as_ref()).unwrap();
                assert_eq!(open.state(), State::Ramping);
            }
        }
    }
    assert_eq!(rows, 50);
}

#[tokio::test(start_paused = true)]
async fn a_call_waiting_on_a_ramp_is_admitted_by_its_end() {
    let breaker = ramping(builder().ramp(Ramp::new(STEP).percent(&[50]))).await;
    let begun = Instant::now();
    breaker.acquire().await.success();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    while begun.elapsed().is_zero() {
        breaker.acquire().await.success();
    }
    assert_eq!(begun.elapsed(), STEP);
}

#[test]
fn a_ramp_that_could_never_work_is_refused() {
    let build = |ramp| {
        let built = builder().ramp(ramp).build("ramp");
        built.map(drop).map_err(|e| e.kind())
    };
    for shares in [
        &[][..],
        &[0],
        &[100],
        &[25, 10],
        &[10, 10],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
    ] {
        let ramp = Ramp::new(STEP).percent(shares);
        assert_eq!(build(ramp), Err(InvalidConfigKind::Ramp), "{shares:?}");
    }
    assert_eq!(
        build(Ramp::new(Duration::ZERO)),
        Err(InvalidConfigKind::Ramp)
    );
    assert_eq!(build(Ramp::new(Duration::MAX)), Ok(()));
}
