//~ the results of this service cannot be classified by `ClassifyHttp
//~ `.http()` and `.grpc()` need a service that answers with an `http::Response`, and this one answers with `u8`

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")).http())
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
