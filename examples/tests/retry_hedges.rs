//! Hedges and the layers beneath them: where one of these says that the backend is the cause, nothing is sent twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Probes, State, Wait};
use maestro_retry::{
    Backoff, Boxed, CloneRequest, Hedge, NoDeadline, RetryErrors, RetryLayer, RetryPolicy,
    Unlimited,
};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Event, Gate};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// After 100 ms. Every fast call pays for a hedge, so that credit is no matter here.
fn hedge() -> Hedge {
    let builder = Hedge::after(ms(100)).share(1.0);
    builder.build().expect("the numbers are legal")
}

/// One attempt: what is sent twice is a hedge.
fn once() -> RetryLayer<RetryPolicy<RetryErrors, CloneRequest, NoDeadline, Unlimited>, Boxed> {
    let builder = RetryPolicy::builder().attempts(1).backoff(Backoff::none());
    RetryLayer::new(builder.build().expect("one attempt is legal").unlimited())
}

/// Takes as many milliseconds as the request says; `u64::MAX` fails at once.
fn backend(
    sent: &Arc<AtomicU32>,
) -> impl Service<u64, Response = (), Error = BoxError, Future: Send> + Clone + use<> {
    let sent = Arc::clone(sent);
    service_fn(move |latency| {
        sent.fetch_add(1, SeqCst);
        async move {
            if latency == u64::MAX {
                return Err("down".into());
            }
            sleep(ms(latency)).await;
            Ok(())
        }
    })
}

/// How often the backend was called for one call that takes this long.
async fn sent_for<S>(service: &S, sent: &AtomicU32, latency: u64) -> u32
where
    S: Service<u64, Response = (), Error = BoxError> + Clone,
{
    let before = sent.load(SeqCst);
    let _ = service.clone().oneshot(latency).await;
    sent.load(SeqCst) - before
}

#[tokio::test(start_paused = true)]
async fn a_half_open_breaker_gets_no_hedge() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(ms(1_000)))
        .probes(Probes::results(5))
        .build("backend")
        .expect("the numbers are legal");
    let sent = Arc::default();
    let asked = breaker.clone();
    let layer = once()
        .hedge(hedge())
        .only_while(move || asked.state() == State::Closed);
    let service = layer.layer(CircuitBreakerLayer::new(breaker.clone()).layer(backend(&sent)));

    assert_eq!(sent_for(&service, &sent, 0).await, 1);
    assert_eq!(sent_for(&service, &sent, 300).await, 2, "closed");
    assert_eq!(sent_for(&service, &sent, u64::MAX).await, 1);
    assert_eq!(breaker.state(), State::Open);
    sleep(ms(1_000)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(sent_for(&service, &sent, 0).await, 1);
    assert_eq!(sent_for(&service, &sent, 300).await, 1, "half-open");
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_no_loser() {
    let breaker = CircuitBreaker::new("backend");
    let sent = Arc::default();
    let service = once()
        .hedge(hedge())
        .layer(CircuitBreakerLayer::new(breaker.clone()).layer(backend(&sent)));
    assert_eq!(sent_for(&service, &sent, 0).await, 1);
    assert_eq!(sent_for(&service, &sent, 300).await, 2);
    assert_eq!(breaker.snapshot().calls(), 2, "one for each call");
    assert_eq!(breaker.snapshot().failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_burning_budget_gets_no_hedge() {
    let objective = "99.9%".parse().expect("an objective");
    let budget = ErrorBudget::new("backend", objective);
    let gate = Gate::new(budget.clone());
    let sent = Arc::default();
    let asked = gate.clone();
    let layer = once().hedge(hedge()).only_while(move || asked.is_open());
    let service = layer.layer(ErrorBudgetLayer::new(budget.clone()).layer(backend(&sent)));

    assert_eq!(sent_for(&service, &sent, 0).await, 1);
    assert_eq!(sent_for(&service, &sent, 300).await, 2, "not burning");
    assert_eq!(sent_for(&service, &sent, 0).await, 1);
    for _ in 0..1_000 {
        budget.record(Event::Bad);
    }
    sleep(ms(1_000)).await;
    assert!(!gate.is_open());
    assert_eq!(sent_for(&service, &sent, 300).await, 1, "burning");
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_above_its_share_gets_no_hedge() {
    let bulkhead = Bulkhead::new("backend", 10).expect("legal");
    let sent = Arc::default();
    let asked = bulkhead.clone();
    let layer = once()
        .hedge(hedge())
        .only_while(move || asked.utilisation() < 0.5);
    let service = layer.layer(BulkheadLayer::new(bulkhead.clone()).layer(backend(&sent)));

    for _ in 0..10 {
        assert_eq!(sent_for(&service, &sent, 0).await, 1);
    }
    assert_eq!(sent_for(&service, &sent, 300).await, 2, "one of ten");
    // Eight that are slow at once: a backend that is slow for everyone.
    let start = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        calls.spawn(service.clone().oneshot(300));
    }
    let before = sent.load(SeqCst);
    while let Some(call) = calls.join_next().await {
        call.expect("no panic").expect("it is only slow");
    }
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(sent.load(SeqCst) - before, 8);
    assert_eq!(sent_for(&service, &sent, 300).await, 2, "one of ten");
}
