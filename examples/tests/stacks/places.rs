//! Where handles and layers are stored: in a `static`, and in a struct whose fields name their types.

use maestro_bulkhead::{Bulkhead, BulkheadLayer, StaticBulkhead};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, StaticCircuitBreaker};
use maestro_retry::{Backoff, Boxed, RetryBudget, RetryLayer, RetryPolicy, StaticRetryBudget};
use maestro_slo_budget::{ErrorBudget, Gate, Objective};
use maestro_timeout::{Timeout, TimeoutLayer};
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};

static BREAKER: StaticCircuitBreaker = CircuitBreaker::builder().build_static("static");
static POOL: StaticBulkhead = Bulkhead::builder().limit(2).build_static("static");
static RETRIES: StaticRetryBudget = RetryBudget::builder().build_static("static");

#[tokio::test]
async fn a_breaker_a_bulkhead_and_a_budget_in_statics() {
    let retry = RetryPolicy::builder().backoff(Backoff::none()).build();
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry.expect("legal").budget(&RETRIES)))
        .layer(CircuitBreakerLayer::new(&BREAKER))
        .layer(BulkheadLayer::new(&POOL))
        .service(service_fn(async |n: u32| {
            assert_eq!(POOL.in_flight(), 1);
            Ok::<_, BoxError>(n + 1)
        }));
    assert_eq!(service.oneshot(1).await.expect("an answer"), 2);
    assert_eq!(POOL.in_flight(), 0);
}

/// Every type by its usual name, without the pointer parameter.
#[derive(Clone)]
struct Deps {
    store: CircuitBreaker,
    breaker: CircuitBreakerLayer,
    pool: Bulkhead,
    room: BulkheadLayer,
    policy: RetryPolicy,
    /// `Boxed`, because the error of the service is a `BoxError`.
    retry: RetryLayer<RetryPolicy, Boxed>,
    timeout: Timeout,
    attempt: TimeoutLayer,
    budget: ErrorBudget,
    gate: Gate,
}

impl Deps {
    fn new() -> Self {
        let store = CircuitBreaker::new("store");
        let pool = Bulkhead::builder().limit(2).build("store").expect("legal");
        let policy = RetryPolicy::builder().build().expect("legal");
        let timeout = Timeout::from(std::time::Duration::from_secs(1));
        let budget = ErrorBudget::new("store", Objective::new(999, 1000).expect("an objective"));
        Self {
            breaker: CircuitBreakerLayer::new(store.clone()),
            room: BulkheadLayer::new(pool.clone()),
            retry: RetryLayer::new(policy.clone()),
            attempt: TimeoutLayer::new(timeout.clone()),
            gate: Gate::new(budget.clone()),
            store,
            pool,
            policy,
            timeout,
            budget,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_struct_of_handles_and_layers() {
    let deps = Deps::new().clone();
    let stack = (
        deps.retry.clone(),
        (
            deps.breaker.clone(),
            (deps.attempt.clone(), deps.room.clone()),
        ),
    );
    let pool = deps.pool.clone();
    let service = stack.layer(service_fn(async |n: u32| Ok::<_, BoxError>(n + 1)));
    assert_eq!(service.oneshot(1).await.expect("an answer"), 2);
    assert_eq!(pool.in_flight(), 0);
    let Deps {
        store,
        policy,
        timeout,
        budget,
        gate,
        ..
    } = deps;
    assert_eq!((store.name(), gate.is_open()), ("store", true));
    drop((policy, timeout, budget));
}
