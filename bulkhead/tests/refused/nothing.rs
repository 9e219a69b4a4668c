//! Compiles, so the other programs fail for the reason that they name.

use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Queue};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    let busy = "busy".to_owned();
    let layer = BulkheadLayer::new(Bulkhead::new("store", 1).unwrap())
        .overload_if(move |r: &Result<u8, BoxError>| matches!(r, Err(e) if e.to_string() == busy));
    ServiceBuilder::new()
        .layer(layer.queue(Queue::new(1, Duration::from_secs(1))))
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
