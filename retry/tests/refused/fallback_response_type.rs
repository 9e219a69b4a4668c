//~ type mismatch

use maestro_retry::FallbackLayer;
use tower::{Service, ServiceBuilder};

struct StoreError;

fn store() -> impl Service<u32, Response = u8, Error = StoreError> {
    ServiceBuilder::new()
        .layer(FallbackLayer::new(async |_: u32, _| Ok::<&str, StoreError>("cached")))
        .service_fn(async |_: u32| Ok::<_, StoreError>(1))
}

fn main() {
    drop(store());
}
