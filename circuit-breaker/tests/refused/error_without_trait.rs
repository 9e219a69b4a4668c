//~ `StoreError` does not implement `Error`, so this layer cannot see which errors are rejections by other layers
//~ implement `std::error::Error` for `StoreError`, or `MayReject` if it is never a rejection,
//~ or decide by a closure what counts: `failure_if(Result::is_err)` of a circuit breaker,

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
use tower::{Service, ServiceBuilder};

struct StoreError;

impl From<Open> for StoreError {
    fn from(_: Open) -> Self {
        Self
    }
}

fn store() -> impl Service<u8, Response = u8, Error = StoreError> {
    ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")).ignore_rejections())
        .service_fn(async |request: u8| Ok::<_, StoreError>(request))
}

fn main() {
    drop(store());
}
