//! Tests of a whole stack with the test kits of the crates, as `GUIDE.md` shows them: the client is scripted, the clock is
//! paused, and each state is reached by one line.

use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, test_util as bulkhead};
use maestro_circuit_breaker::{
    CircuitBreaker, CircuitBreakerLayer, Open, State, test_util as circuit_breaker,
};
use maestro_retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy, test_util as retry};
use maestro_slo_budget::{
    ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Spent, test_util as slo_budget,
};
use maestro_timeout::{
    Elapsed, Timeout, TimeoutLayer,
    test_util::{self as timeout, Script},
};
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

#[derive(Debug, PartialEq, thiserror::Error)]
enum StoreError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    #[error(transparent)]
    Spent(#[from] Spent),
    #[error("the store failed")]
    Failed,
}

type Client = Script<&'static str, u32, StoreError>;

/// What a program keeps of its stack.
struct Store {
    retries: RetryBudget,
    breaker: CircuitBreaker,
    attempt: Timeout,
    pool: Bulkhead,
}

// === impl Store ===

impl Store {
    fn new() -> Self {
        let breaker = CircuitBreaker::builder().consecutive_failures(3).probes(1);
        Self {
            retries: RetryBudget::new("store"),
            breaker: breaker.build("store").expect("legal numbers"),
            attempt: Timeout::new(Duration::from_millis(250)).named("store"),
            pool: Bulkhead::new("store", 20).expect("a legal limit"),
        }
    }

    /// The default order of the guide, around the client of the program or of a test.
    fn around<S>(
        &self,
        client: S,
    ) -> impl Service<&'static str, Response = u32, Error = StoreError> + Clone + use<S>
    where
        S: Service<&'static str, Response = u32, Error = StoreError> + Clone,
    {
        let policy = RetryPolicy::builder()
            .attempts(2)
            .backoff(Backoff::constant(Duration::from_millis(50)))
            .build()
            .expect("legal numbers")
            .budget(self.retries.clone());
        ServiceBuilder::new()
            .layer(RetryLayer::new(policy))
            .layer(CircuitBreakerLayer::new(self.breaker.clone()).ignore_rejections())
            .layer(TimeoutLayer::new(self.attempt.clone()))
            .layer(BulkheadLayer::new(self.pool.clone()))
            .service(client)
    }

    fn assert_idle(&self) {
        circuit_breaker::assert_idle(&self.breaker);
        bulkhead::assert_idle(&self.pool);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_dropped_and_retried() {
    let store = Store::new();
    let client = Client::new().pending().ok(7);
    let mut call = task::spawn(store.around(client.clone()).oneshot("key"));

    assert_pending!(call.poll());
    assert_eq!((client.in_flight(), store.pool.in_flight()), (1, 1));
    timeout::elapse(&store.attempt).await;
    assert!(call.is_woken());
    assert_pending!(call.poll()); // until the second attempt
    assert_eq!(client.cancelled(), 1);
    bulkhead::assert_idle(&store.pool);

    assert_eq!(call.await, Ok(7));
    assert_eq!(client.take_requests(), ["key", "key"]);
    client.assert_done();
    store.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_answers_without_an_attempt() {
    let (store, client) = (Store::new(), Client::new());
    circuit_breaker::open(&store.breaker);
    let error = store.around(client.clone()).oneshot("key").await;
    assert!(matches!(error, Err(StoreError::Open(_))));
    client.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_probe_closes_the_circuit_while_other_calls_are_rejected() {
    let (store, client) = (Store::new(), Client::new().pending());
    let stack = store.around(client.clone());
    circuit_breaker::half_open(&store.breaker);
    let mut probe = task::spawn(stack.clone().oneshot("a"));
    assert_pending!(probe.poll());
    let mut other = task::spawn(stack.oneshot("b"));
    let error = assert_ready_err!(other.poll());
    assert!(matches!(error, StoreError::Open(_)));

    client.answer(Ok(1));
    assert_eq!(probe.await, Ok(1));
    assert_eq!(store.breaker.state(), State::Closed);
    client.assert_done();
    store.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_rejects_and_leaves_the_circuit_closed() {
    let (store, client) = (Store::new(), Client::new().ok(1));
    let stack = store.around(client.clone());
    let mut places = bulkhead::fill(&store.pool);
    for _ in 0..10 {
        let error = stack.clone().oneshot("key").await;
        assert!(matches!(error, Err(StoreError::Full(_))));
    }
    assert_eq!(store.breaker.state(), State::Closed);
    places.pop();
    assert_eq!(stack.oneshot("key").await, Ok(1));
    client.assert_done();
    drop(places);
    store.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_answer_once_the_retries_are_spent() {
    let store = Store::new();
    let client = Client::new().err(StoreError::Failed);
    let _spent = retry::spend(&store.retries);
    let error = store.around(client.clone()).oneshot("key").await;
    assert_eq!(error, Err(StoreError::Failed));
    client.assert_done();
    store.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_connect_is_a_failure() {
    let store = Store::new();
    let client = Client::new().not_ready().ready_err(StoreError::Failed);
    let mut call = task::spawn(store.around(client.clone()).oneshot("key"));
    assert_pending!(call.poll());
    client.set_ready();
    assert_eq!(assert_ready_err!(call.poll()), StoreError::Failed);
    assert_eq!(store.breaker.snapshot().consecutive_failures(), 1);
    client.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_gate_refuses_during_an_outage_and_the_budget_is_spent() {
    let budget = ErrorBudget::new("api", "99%".parse().expect("an objective"));
    let gate = Gate::new(budget.clone());
    let handler = Client::new().then_always(|_| Ok(1));
    let stack = (
        GateLayer::new(gate.clone()),
        ErrorBudgetLayer::new(budget.clone()),
    );
    let stack = stack.layer(handler.clone());
    assert_eq!(stack.clone().oneshot("/").await, Ok(1));

    slo_budget::spend(&budget, 0.5);
    assert!((0.5..0.51).contains(&budget.consumed().expect("events")));
    assert_eq!(stack.clone().oneshot("/").await, Ok(1));

    slo_budget::shed(&gate, 0.01).await;
    let error = stack.oneshot("/").await;
    assert!(matches!(error, Err(StoreError::Spent(_))));
    assert_eq!(handler.calls(), 2);
}

#[test]
fn the_guide_shows_a_test_of_this_file() {
    let guide = include_str!("../../GUIDE.md");
    let (_, section) = guide
        .split_once("## Testing your stack")
        .expect("the section");
    let shown = section.split("```rust\n").nth(1).expect("a block of Rust");
    let (shown, _) = shown.split_once("```").expect("its end");
    assert!(
        include_str!("test_kit.rs").contains(shown),
        "the guide shows other code:\n{shown}"
    );
}
