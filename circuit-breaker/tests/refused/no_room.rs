//~ an open circuit cannot be reported as `Infallible`
//~ `Infallible` has no room for `maestro_circuit_breaker::Open`
//~ give it room: `impl From<Open>` (thiserror: `#[from] Open`) where `Infallible` is your own type,
//~ or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,
//~ or answer rejected calls yourself: `CircuitBreakerLayer::on_reject(|open| ...)`

use std::convert::Infallible;

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use tower::{Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = Infallible> {
    ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
        .service_fn(async |request: u8| Ok::<_, Infallible>(request))
}

fn main() {
    drop(store());
}
