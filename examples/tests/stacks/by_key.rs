//! One function from request to key for all layers: a host that hangs takes nothing from the others.

use std::{future::pending, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Bulkheads, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakers, Open, State};
use maestro_retry::{RetryBudget, RetryBudgets, RetryLayer, RetryPolicy};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, ErrorBudgets};
use maestro_timeout::{Elapsed, Override, Timeout, TimeoutLayer, Timeouts};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[derive(Clone)]
struct Request {
    host: &'static str,
}

#[derive(Debug, thiserror::Error)]
enum HostError {
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Open(#[from] Open),
}

type Host = &'static str;

/// An object of each crate for each host.
struct Hosts {
    budgets: ErrorBudgets<Host>,
    retries: RetryBudgets<Host>,
    breakers: CircuitBreakers<Host>,
    timeouts: Timeouts<Host>,
    bulkheads: Bulkheads<Host>,
}

const ATTEMPT: Duration = Duration::from_millis(250);
const HOSTS: usize = 100;

impl Hosts {
    fn new() -> Self {
        let budgets = ErrorBudget::builder().build_family("hosts", HOSTS);
        let retries = RetryBudget::builder().build_family("hosts", HOSTS);
        let breaker = CircuitBreaker::builder().consecutive_failures(3);
        let timeouts = Timeout::builder().limit(ATTEMPT);
        let bulkhead = Bulkhead::builder().limit(8);
        let legal = "legal numbers";
        Self {
            budgets: budgets.expect(legal),
            retries: retries.expect(legal),
            breakers: breaker.build_family("hosts", HOSTS).expect(legal),
            timeouts: timeouts
                .build_family("hosts", HOSTS)
                .expect(legal)
                .show_keys(),
            bulkheads: bulkhead.build_family("hosts", HOSTS).expect(legal),
        }
    }

    fn stack(&self) -> impl Service<Request, Response = (), Error = HostError> + use<> {
        let host = |request: &Request| request.host;
        let policy = RetryPolicy::builder().attempts(1).build();
        let policy = policy.expect("legal numbers");
        ServiceBuilder::new()
            .layer(ErrorBudgetLayer::new(self.budgets.by(host)))
            .layer(RetryLayer::new(policy.budget(self.retries.by(host))))
            .layer(CircuitBreakerLayer::new(self.breakers.by(host)).ignore_rejections())
            .layer(TimeoutLayer::new(self.timeouts.by(host)))
            .layer(BulkheadLayer::new(self.bulkheads.by(host)))
            .service(service_fn(async |request: Request| match request.host {
                "hangs.example" => pending().await,
                _ => Ok::<(), HostError>(()),
            }))
    }
}

#[tokio::test(start_paused = true)]
async fn one_key_selects_the_object_of_each_layer() {
    let hosts = Hosts::new();
    let mut stack = hosts.stack();
    let slow = "hangs.example";
    hosts
        .timeouts
        .get(&slow)
        .force_limit(2 * ATTEMPT, Override::new("alice", "drill"));
    for _ in 0..3 {
        let healthy = Request { host: "a.example" };
        let stack = stack.ready().await.expect("each layer is ready");
        stack.call(healthy).await.expect("it answers at once");
        let stack = stack.ready().await.expect("each layer is ready");
        let error = stack.call(Request { host: slow }).await.unwrap_err();
        let HostError::Elapsed(elapsed) = error else {
            panic!("{error}");
        };
        assert_eq!(elapsed.key().as_deref(), Some(slow));
        assert_eq!(elapsed.limit(), 2 * ATTEMPT);
    }
    let states = [slow, "a.example"].map(|host| hosts.breakers.get(&host).state());
    assert_eq!(states, [State::Open, State::Closed]);
    let bad = [slow, "a.example"].map(|host| {
        let budget = hosts.budgets.get(&host);
        budget.report().period().counts().bad()
    });
    assert_eq!(bad, [3, 0]);
    assert_eq!(hosts.bulkheads.len(), 2);
    assert_eq!(hosts.retries.len(), 2);
}
