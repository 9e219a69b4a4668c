//~ `Upload` cannot be repeated
//~ `Upload` is not `Clone`, so there is nothing to send a second time
//~ derive `Clone` where `Upload` is your own type,
//~ or say how to copy it by `.replay(|request: &Upload| ...)`, which returns an `Option`

use std::num::NonZeroU32;

use maestro_retry::{RetryLayer, RetryPolicy};
use tower::{Service, ServiceBuilder};

struct Upload;

fn store() -> impl Service<Upload, Response = u8, Error = String> {
    ServiceBuilder::new()
        .layer(RetryLayer::new(RetryPolicy::new(NonZeroU32::MIN)))
        .service_fn(async |_: Upload| Ok::<_, String>(1))
}

fn main() {
    drop(store());
}
