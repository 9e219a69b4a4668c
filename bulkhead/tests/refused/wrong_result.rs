//~ type mismatch in closure arguments
//~ .overload_if(|r: &Result<String, BoxError>| r.is_err())

use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(
            BulkheadLayer::new(Bulkhead::new("store", 1).unwrap())
                .overload_if(|r: &Result<String, BoxError>| r.is_err()),
        )
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
