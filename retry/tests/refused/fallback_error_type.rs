//~ type mismatch resolving
//~ expected `StoreError`, found `CacheError`

use maestro_retry::FallbackLayer;
use tower::{Service, ServiceBuilder};

struct StoreError;
struct CacheError;

fn store() -> impl Service<u32, Response = u8, Error = StoreError> {
    ServiceBuilder::new()
        .layer(FallbackLayer::new(async |_: u32, _| Err::<u8, _>(CacheError)))
        .service_fn(async |_: u32| Ok::<_, StoreError>(1))
}

fn main() {
    drop(store());
}
