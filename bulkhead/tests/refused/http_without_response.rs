//~ the results of this service cannot be classified by `ClassifyHttp
//~ `.http()` and `.grpc()` need a service that answers with an `http::Response`, and this one answers with `u8`

use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(BulkheadLayer::new(Bulkhead::new("store", 1).unwrap()).http())
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
