//~ a full bulkhead cannot be reported as `Infallible`
//~ `Infallible` has no room for `maestro_bulkhead::Full`
//~ give it room: `impl From<Full>` (thiserror: `#[from] Full`) where `Infallible` is your own type,
//~ or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,
//~ or answer refused calls yourself: `BulkheadLayer::on_reject(|full| ...)`

use std::convert::Infallible;

use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use tower::{Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = Infallible> {
    ServiceBuilder::new()
        .layer(BulkheadLayer::new(Bulkhead::new("store", 1).unwrap()))
        .service_fn(async |request: u8| Ok::<_, Infallible>(request))
}

fn main() {
    drop(store());
}
