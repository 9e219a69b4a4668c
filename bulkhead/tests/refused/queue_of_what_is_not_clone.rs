//~ the trait `Clone` is not implemented for `BoxService<u8, u8,

use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, Queue};
use tower::{Layer, Service, util::BoxService};

fn store(once: BoxService<u8, u8, Full>) -> impl Service<u8, Response = u8, Error = Full> {
    BulkheadLayer::new(Bulkhead::new("store", 1).unwrap())
        .queue(Queue::new(1, Duration::from_secs(1)))
        .layer(once)
}

fn main() {
    let _ = store;
}
