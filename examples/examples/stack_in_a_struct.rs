//! Three ways to keep a stack in a struct, and what a call allocates in each.
//!
//! ```sh
//! cargo run -p maestro-examples --example stack_in_a_struct
//! ```

use std::{
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, FailureIf, Open, State};
use maestro_retry::{CloneRequest, NoDeadline, RetryBudget, RetryErrors, RetryLayer, RetryPolicy};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tower::{BoxError, Layer, Service, ServiceExt, util::BoxCloneSyncService};

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
}

/// A client with a name, as `reqwest::Client` and `tonic::transport::Channel` have one.
#[derive(Clone, Debug)]
struct Client;

impl Service<u32> for Client {
    type Response = u32;
    type Error = StoreError;
    type Future = Ready<Result<u32, StoreError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StoreError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, key: u32) -> Self::Future {
        ready(Ok(key))
    }
}

// === The type has a name: no box ===

/// The layers, outside in. A tuple of layers is a layer.
type Layers = (
    TimeoutLayer,
    RetryLayer<Policy>,
    CircuitBreakerLayer<FailureIf<IsFailure>>,
    TimeoutLayer,
    BulkheadLayer,
);
/// A budget that is not the default one appears in the type of the policy.
type Policy = RetryPolicy<RetryErrors, CloneRequest, NoDeadline, RetryBudget>;
/// The type of a closure has no name. That of a pointer to a function has one.
type IsFailure = fn(&Result<u32, StoreError>) -> bool;

#[derive(Clone, Debug)]
struct Repository {
    store: <Layers as Layer<Client>>::Service,
    breaker: CircuitBreaker,
}

impl Repository {
    async fn find(&self, key: u32) -> Result<u32, StoreError> {
        self.store.clone().oneshot(key).await
    }
}

fn is_failure(result: &Result<u32, StoreError>) -> bool {
    matches!(result, Err(StoreError::Elapsed(_)))
}

fn layers(breaker: CircuitBreaker) -> Result<Layers, BoxError> {
    let policy = RetryPolicy::builder().attempts(3).build()?;
    let policy = policy.budget(RetryBudget::new("store"));
    let bulkhead = Bulkhead::builder().limit(16).build("store")?;
    Ok((
        TimeoutLayer::new(Duration::from_secs(2)),
        RetryLayer::new(policy),
        CircuitBreakerLayer::new(breaker).failure_if(is_failure as IsFailure),
        TimeoutLayer::new(Duration::from_millis(250)),
        BulkheadLayer::new(bulkhead),
    ))
}

fn named(breaker: CircuitBreaker) -> Result<Repository, BoxError> {
    let store = layers(breaker.clone())?.layer(Client);
    Ok(Repository { store, breaker })
}

// === The type is a parameter: no box, and any closure ===

#[derive(Clone, Debug)]
struct Generic<S> {
    store: S,
}

impl<S> Generic<S>
where
    S: Service<u32, Response = u32, Error = StoreError> + Clone,
{
    async fn find(&self, key: u32) -> Result<u32, StoreError> {
        self.store.clone().oneshot(key).await
    }
}

/// `use<>` says that nothing is borrowed.
fn generic(
    breaker: CircuitBreaker,
) -> Generic<impl Service<u32, Response = u32, Error = StoreError, Future: Send> + Clone + use<>> {
    let layer = CircuitBreakerLayer::new(breaker).failure_if(|r: &Result<_, _>| r.is_err());
    let store = layer.layer(Client);
    Generic { store }
}

// === The type is erased: a box ===

#[derive(Clone, Debug)]
struct Boxed {
    store: BoxCloneSyncService<u32, u32, StoreError>,
}

impl Boxed {
    /// Allocates the clone of the stack, and the future of the call.
    async fn find(&self, key: u32) -> Result<u32, StoreError> {
        self.store.clone().oneshot(key).await
    }

    /// Allocates the future of the call.
    async fn find_mut(&mut self, key: u32) -> Result<u32, StoreError> {
        self.store.ready().await?.call(key).await
    }
}

fn boxed(breaker: CircuitBreaker) -> Result<Boxed, BoxError> {
    let store = BoxCloneSyncService::new(layers(breaker)?.layer(Client));
    Ok(Boxed { store })
}

// === The costs ===

/// The allocations of a call that is ready at once, as the client here is.
fn allocations<T>(call: impl Future<Output = Result<T, StoreError>>) -> u64 {
    let counted = allocation_counter::measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        let answer = pin!(call).poll(&mut context);
        assert!(
            matches!(answer, Poll::Ready(Ok(_))),
            "the client is ready at once"
        );
    });
    counted.count_total
}

/// The rows of the table in `GUIDE.md`.
fn costs() -> Result<[(&'static str, u64); 4], BoxError> {
    let breaker = CircuitBreaker::new("store");
    let named = named(breaker.clone())?;
    let generic = generic(breaker.clone());
    let mut boxed = boxed(breaker)?;
    // The first call of an object may allocate, for all later ones.
    for _ in 0..2 {
        allocations(named.find(1));
    }
    assert_eq!(named.breaker.state(), State::Closed);
    Ok([
        ("named", allocations(named.find(1))),
        ("generic", allocations(generic.find(1))),
        ("boxed, `&self`", allocations(boxed.find(1))),
        ("boxed, `&mut self`", allocations(boxed.find_mut(1))),
    ])
}

fn table() -> Result<String, BoxError> {
    let rows = costs()?.map(|(way, count)| format!("| {way} | {count} |\n"));
    Ok(format!(
        "| the stack is | allocations of a call |\n|---|--:|\n{}",
        rows.concat()
    ))
}

fn main() -> Result<(), BoxError> {
    print!("{}", table()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use maestro_circuit_breaker::IgnoreRejections;
    use tower::service_fn;

    use super::*;

    const GUIDE: &str = include_str!("../../GUIDE.md");

    #[test]
    fn the_guide_has_the_allocations_of_this_program() {
        let table = table().expect("legal numbers");
        assert!(
            GUIDE.contains(&table),
            "the guide needs this table:\n{table}"
        );
    }

    #[test]
    fn the_guide_shows_the_types_of_this_program() {
        let shown = GUIDE.split("```rust\n").nth(1).expect("a block of Rust");
        let shown = shown.split("```").next().expect("its lines");
        let program = include_str!("stack_in_a_struct.rs");
        for line in shown.lines().filter(|line| !line.is_empty()) {
            assert!(program.lines().any(|other| other == line), "{line}");
        }
    }

    #[tokio::test]
    async fn layers_over_a_box_have_the_marker_boxed() {
        type Layers = (
            RetryLayer<RetryPolicy, maestro_retry::Boxed>,
            CircuitBreakerLayer<IgnoreRejections<maestro_circuit_breaker::Boxed>>,
        );
        let policy = RetryPolicy::builder().build().expect("the defaults");
        let breaker = CircuitBreakerLayer::new(CircuitBreaker::new("store"));
        let layers: Layers = (RetryLayer::new(policy), breaker.ignore_rejections());
        let store = layers.layer(service_fn(async |key: u32| Ok::<_, BoxError>(key)));
        assert_eq!(store.oneshot(1).await.expect("an answer"), 1);
    }
}
