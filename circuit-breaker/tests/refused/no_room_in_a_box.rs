//~ an open circuit cannot be reported as `Infallible`
//~ or answer rejected calls yourself: `CircuitBreakerLayer::on_reject(|open| ...)`

use std::{convert::Infallible, future::Ready};

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use tower::{ServiceBuilder, util::BoxCloneSyncService};

fn main() {
    let inner: fn(u8) -> Ready<Result<u8, Infallible>> = |n| std::future::ready(Ok(n));
    let store = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
        .service_fn(inner);
    drop(BoxCloneSyncService::new(store));
}
