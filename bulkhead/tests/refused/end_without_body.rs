//~ the response `u8` has no body whose end this layer could wait for
//~ `.until_body_end()` and `.grpc()` need a service that answers with an `http::Response<B>`, where `B` is an `http_body::Body`

use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(BulkheadLayer::new(Bulkhead::new("store", 1).unwrap()).until_body_end())
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
