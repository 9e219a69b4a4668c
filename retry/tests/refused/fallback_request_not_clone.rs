//~ `Query` cannot be repeated
//~ or say how to copy it by `.replay(|request: &Query| ...)`, which returns an `Option`

use maestro_retry::FallbackLayer;
use tower::{Service, ServiceBuilder};

struct Query;

fn store() -> impl Service<Query, Response = u8, Error = ()> {
    ServiceBuilder::new()
        .layer(FallbackLayer::new(async |_: Query, _| Ok(0)))
        .service_fn(async |_: Query| Ok::<_, ()>(1))
}

fn main() {
    drop(store());
}
