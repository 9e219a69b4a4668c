//! All layers in four orders over three kinds of error: a box, an enum, and anyhow's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, Override};
use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Objective, Spent};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneService};

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("budget spent")]
    Spent(#[from] Spent),
    #[error("broken pipe")]
    Io(#[from] std::io::Error),
}

/// The conversions of an error that is used with all layers.
trait Room:
    From<Open> + From<Full> + From<Elapsed> + From<Spent> + From<std::io::Error> + Send
{
    fn find_open(&self) -> Option<&Open>;
}

impl Room for BoxError {
    fn find_open(&self) -> Option<&Open> {
        Open::find(self.as_ref())
    }
}

impl Room for StoreError {
    fn find_open(&self) -> Option<&Open> {
        Open::find(self)
    }
}

impl Room for anyhow::Error {
    fn find_open(&self) -> Option<&Open> {
        Open::find(self.as_ref())
    }
}

/// A service whose first call fails.
fn dependency<E: Room + 'static>()
-> impl Service<u32, Response = u32, Error = E, Future: Send> + Clone + Send + 'static {
    let calls = Arc::new(AtomicU32::new(0));
    service_fn(move |n: u32| {
        let nth = calls.fetch_add(1, Relaxed);
        async move {
            if nth == 0 {
                Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into())
            } else {
                Ok(n + 1)
            }
        }
    })
}

/// The four stacks, and the breaker that they share.
fn stacks<E: Room + 'static>() -> (CircuitBreaker, [BoxCloneService<u32, u32, E>; 4]) {
    let breaker = CircuitBreaker::new("store");
    let budget = ErrorBudget::new("store", Objective::new(999, 1000).expect("an objective"));
    let pool = Bulkhead::builder().limit(4).build("store").expect("legal");
    let retry = RetryPolicy::builder().attempts(3).backoff(Backoff::none());
    let retry = retry.build().expect("legal");

    let gate = GateLayer::new(Gate::new(budget.clone()));
    let record = ErrorBudgetLayer::new(budget).bad_if(|r: &Result<u32, E>| r.is_err());
    let whole = TimeoutLayer::new(Duration::from_secs(5));
    let attempt = TimeoutLayer::new(Duration::from_secs(1));
    let retry = RetryLayer::new(
        retry.retry_if(|r: &Result<u32, E>| matches!(r, Err(error) if error.find_open().is_none())),
    );
    let open =
        CircuitBreakerLayer::new(breaker.clone()).failure_if(|r: &Result<u32, E>| r.is_err());
    let room = BulkheadLayer::new(pool).overload_if(|r: &Result<u32, E>| r.is_err());

    let default = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(record.clone())
        .layer(whole.clone())
        .layer(retry.clone())
        .layer(open.clone())
        .layer(attempt.clone())
        .layer(room.clone())
        .service(dependency());
    let breaker_outside = ServiceBuilder::new()
        .layer(open.clone())
        .layer(gate.clone())
        .layer(retry.clone())
        .layer(room.clone())
        .layer(whole.clone())
        .layer(record.clone())
        .layer(attempt.clone())
        .service(dependency());
    let bulkhead_outside = ServiceBuilder::new()
        .layer(room.clone())
        .layer(retry.clone())
        .layer(attempt.clone())
        .layer(record.clone())
        .layer(open.clone())
        .layer(gate.clone())
        .layer(whole.clone())
        .service(dependency());
    let turned_round = ServiceBuilder::new()
        .layer(retry)
        .layer(room)
        .layer(attempt)
        .layer(open)
        .layer(whole)
        .layer(record)
        .layer(gate)
        .service(dependency());
    let stacks = [
        BoxCloneService::new(default),
        BoxCloneService::new(breaker_outside),
        BoxCloneService::new(bulkhead_outside),
        BoxCloneService::new(turned_round),
    ];
    (breaker, stacks)
}

async fn answers_and_then_fails_fast<E: Room + 'static>() {
    let (breaker, stacks) = stacks::<E>();
    for stack in &stacks {
        let answer = stack.clone().oneshot(1).await;
        assert_eq!(answer.map_err(|_| "the second attempt succeeds"), Ok(2));
    }
    breaker.force_open(Override::new("a test", "to see"));
    for stack in stacks {
        let error = stack.oneshot(1).await.expect_err("the circuit is open");
        assert_eq!(error.find_open().map(Open::name), Some("store"));
    }
}

#[tokio::test(start_paused = true)]
async fn in_four_orders_over_a_box() {
    answers_and_then_fails_fast::<BoxError>().await;
}

#[tokio::test(start_paused = true)]
async fn in_four_orders_over_an_enum() {
    answers_and_then_fails_fast::<StoreError>().await;
}

#[tokio::test(start_paused = true)]
async fn in_four_orders_over_anyhow() {
    answers_and_then_fails_fast::<anyhow::Error>().await;
}
