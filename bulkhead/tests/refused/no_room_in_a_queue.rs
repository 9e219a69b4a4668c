//~ a full bulkhead cannot be reported as `Infallible`
//~ or answer refused calls yourself: `BulkheadLayer::on_reject(|full| ...)`

use std::{convert::Infallible, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Queue};
use tower::{Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = Infallible> {
    let layer = BulkheadLayer::new(Bulkhead::new("store", 1).unwrap());
    ServiceBuilder::new()
        .layer(layer.queue(Queue::new(1, Duration::from_secs(1))))
        .service_fn(async |request: u8| Ok::<_, Infallible>(request))
}

fn main() {
    drop(store());
}
