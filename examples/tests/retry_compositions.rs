//! Retry and the rejections of the other layers: the lines of maestro-retry's README over the real layers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
use maestro_retry::{Backoff, HalfFull, RetryBudget, RetryLayer, RetryPolicy, is_rejection};
use maestro_slo_budget::{ErrorBudget, Gate, GateLayer, Objective, Override, Spent};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// A policy of four attempts without waits, and a budget in which each call pays for ten retries.
fn policy() -> (RetryPolicy, RetryBudget) {
    let builder = RetryPolicy::builder().attempts(4).backoff(Backoff::none());
    let budget = RetryBudget::builder().ratio(10.0).floor_per_second(0);
    (
        builder.build().expect("four attempts are legal"),
        budget.build("compositions").expect("ten is legal"),
    )
}

/// A breaker that opens at the first failure and stays open for the rest of a test.
fn breaker() -> CircuitBreaker {
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    builder.build("dependency").expect("one failure is legal")
}

fn failing(
    made: &Arc<AtomicU32>,
) -> impl Service<(), Response = (), Error = BoxError, Future: Send> + Clone + use<> {
    let made = Arc::clone(made);
    service_fn(move |()| {
        made.fetch_add(1, SeqCst);
        async { Err::<(), BoxError>("down".into()) }
    })
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_not_retried_and_costs_no_budget() {
    let (policy, budget) = policy();
    let retry = policy
        .budget(budget.clone())
        .retry_if(|r| matches!(r, Err::<(), BoxError>(e) if Open::find(e.as_ref()).is_none()));
    let made = Arc::default();
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry))
        .layer(CircuitBreakerLayer::new(breaker()))
        .service(failing(&made));
    let error = service.clone().oneshot(()).await.unwrap_err();
    assert!(
        Open::find(error.as_ref()).is_some(),
        "the second attempt met the open circuit"
    );
    assert_eq!((made.load(SeqCst), budget.balance()), (1, 9));
    for _ in 2..10 {
        let error = service.clone().oneshot(()).await.unwrap_err();
        assert!(Open::find(error.as_ref()).is_some());
        assert_eq!((made.load(SeqCst), budget.balance()), (1, 9));
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_is_not_retried_and_costs_no_budget() {
    let (policy, budget) = policy();
    let retry = policy
        .budget(budget.clone())
        .retry_if(|r| matches!(r, Err::<(), BoxError>(e) if Spent::find(e.as_ref()).is_none()));
    let made = Arc::default();
    let objective = Objective::new(999, 1000).expect("99.9 %");
    let gate = Gate::new(ErrorBudget::new("dependency", objective));
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry))
        .layer(GateLayer::new(gate.clone()))
        .service(failing(&made));
    gate.force_closed(Override::new("oncall", "shedding load"));
    for _ in 1..10 {
        let error = service.clone().oneshot(()).await.unwrap_err();
        assert!(Spent::find(error.as_ref()).is_some());
        assert_eq!((made.load(SeqCst), budget.balance()), (0, 0));
    }
    gate.force_open(Override::new("oncall", "over"));
    let error = service.oneshot(()).await.unwrap_err();
    assert_eq!(error.to_string(), "down");
    assert_eq!(
        (made.load(SeqCst), budget.balance()),
        (4, 7),
        "what the gate lets through is tried again"
    );
}

/// How often a stack with `retry` outside is called for one call, and its error.
async fn call(
    service: impl Service<(), Response = (), Error = BoxError, Future: Send> + Clone + Send + 'static,
    budget: &RetryBudget,
) -> (u32, String) {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(policy().0.budget(budget.clone())))
        .map_request(move |()| {
            count.fetch_add(1, SeqCst);
        })
        .service(service);
    let error = stack.oneshot(()).await.expect_err("the whole is over");
    (calls.load(SeqCst), error.to_string())
}

#[tokio::test(start_paused = true)]
async fn no_rejection_of_a_sibling_is_retried_by_default() {
    let ms = Duration::from_millis;
    let budget = policy().1;
    budget.deposit();
    let made = Arc::default();
    // Open.
    let breaker = breaker();
    breaker.force_open(maestro_circuit_breaker::Override::new(
        "oncall",
        "maintenance",
    ));
    let open = CircuitBreakerLayer::new(breaker).layer(failing(&made));
    assert_eq!(call(open, &budget).await.0, 1);
    // Full.
    let bulkhead = Bulkhead::new("dependency", 1).expect("legal");
    let place = bulkhead.try_acquire().expect("nobody else is there");
    let full = BulkheadLayer::new(bulkhead.clone()).layer(failing(&made));
    assert_eq!(call(full, &budget).await.0, 1);
    drop(place);
    // Spent.
    let objective = Objective::new(999, 1000).expect("99.9 %");
    let gate = Gate::new(ErrorBudget::new("dependency", objective));
    gate.force_closed(Override::new("oncall", "shedding load"));
    let spent = GateLayer::new(gate).layer(failing(&made));
    assert_eq!(call(spent, &budget).await.0, 1);
    // The deadline of the whole call, which has passed, or which is nearer than the limit of an attempt.
    for left in [ms(0), ms(20)] {
        let deadline = tokio::time::Instant::now() + left;
        tokio::time::advance(ms(1)).await;
        let late = TimeoutLayer::new(ms(50))
            .deadline(move |(): &()| Some(deadline))
            .layer(service_fn(|()| {
                std::future::pending::<Result<(), BoxError>>()
            }));
        assert_eq!(call(late, &budget).await.0, 1, "{left:?}");
    }
    assert_eq!(
        (made.load(SeqCst), budget.balance()),
        (0, 10),
        "no attempt, no token, and no call paid in"
    );
    // An attempt that took too long may be repeated.
    let slow = TimeoutLayer::new(ms(50)).layer(service_fn(|()| {
        std::future::pending::<Result<(), BoxError>>()
    }));
    assert_eq!(call(slow, &budget).await.0, 4);
    assert_eq!(call(failing(&made), &budget).await, (4, "down".to_owned()));
}

#[test]
fn rejections_end_in_the_same_words() {
    let breaker = breaker();
    breaker.force_open(maestro_circuit_breaker::Override::new(
        "oncall",
        "maintenance",
    ));
    let open = breaker.try_acquire().expect_err("it is open");
    assert!(is_rejection(&open));
    assert!(std::error::Error::source(&open).is_some());
    let wrapped = chain(open);
    assert!(wrapped.ends_with(": do not retry here"), "{wrapped}");
}

/// The chain of an error as reports print it.
fn chain(error: impl std::error::Error + 'static) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// A throttle that learns from results, composed with an open circuit in both ways.
#[tokio::test(start_paused = true)]
async fn an_open_circuit_does_not_fill_a_throttle() {
    let throttle = HalfFull::builder()
        .build("compositions")
        .expect("the defaults are legal");
    let retry = policy()
        .0
        .budget(throttle.clone())
        .retry_if(|r| matches!(r, Err::<(), BoxError>(e) if Open::find(e.as_ref()).is_none()));
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry))
        .layer(CircuitBreakerLayer::new(breaker()))
        .service(failing(&Arc::default()));
    for _ in 0..50 {
        assert!(service.clone().oneshot(()).await.is_err());
    }
    assert!(
        (throttle.tokens() - 9.0).abs() < 1e-9,
        "one failure was seen, and no success"
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_outside_counts_all_attempts_as_one_failure() {
    let (policy, budget) = policy();
    let made = Arc::default();
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker()))
        .layer(RetryLayer::new(policy.budget(budget.clone())))
        .service(failing(&made));
    let error = service.clone().oneshot(()).await.unwrap_err();
    assert_eq!(error.to_string(), "down");
    assert_eq!((made.load(SeqCst), budget.balance()), (4, 7));
    let error = service.oneshot(()).await.unwrap_err();
    assert!(Open::find(error.as_ref()).is_some());
    assert_eq!((made.load(SeqCst), budget.balance()), (4, 7));
}

#[tokio::test(start_paused = true)]
async fn only_full_and_elapsed_attempts_are_retried() {
    let full_or_late = |r: &Result<u32, BoxError>| matches!(r, Err(e) if Full::find(e.as_ref()).is_some() || Elapsed::find(e.as_ref()).is_some());
    let ms = Duration::from_millis;
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let bulkhead = Bulkhead::new("dependency", 1).expect("legal");
    let place = bulkhead.try_acquire().expect("nobody else is there");
    let retry = RetryPolicy::builder()
        .attempts(9)
        .backoff(Backoff::constant(ms(100)).jitter(maestro_retry::Jitter::None))
        .build()
        .unwrap()
        .retry_if(full_or_late);
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry))
        .layer(TimeoutLayer::new(ms(50)))
        .layer(BulkheadLayer::new(bulkhead))
        .service(service_fn(move |()| {
            let made = count.fetch_add(1, SeqCst) + 1;
            async move {
                if made == 1 {
                    std::future::pending::<()>().await; // until the attempt's timeout
                }
                Err::<u32, BoxError>("broken".into())
            }
        }));
    let call = tokio::spawn(service.oneshot(()));
    tokio::time::sleep(ms(250)).await;
    assert_eq!(made.load(SeqCst), 0, "there was no room so far");
    drop(place);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), made.load(SeqCst)),
        ("broken", 2)
    );
}
