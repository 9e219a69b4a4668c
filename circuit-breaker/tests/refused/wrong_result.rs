//~ type mismatch in closure arguments
//~ .failure_if(|r: &Result<String, BoxError>| r.is_err())

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(
            CircuitBreakerLayer::new(CircuitBreaker::new("store"))
                .failure_if(|r: &Result<String, BoxError>| r.is_err()),
        )
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
