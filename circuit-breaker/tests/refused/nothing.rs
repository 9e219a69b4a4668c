//! Compiles: what fails below fails for what it says.

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
