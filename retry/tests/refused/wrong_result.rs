//~ type mismatch in closure arguments
//~ .retry_if(|r: &Result<String, String>| r.is_err())

use std::num::NonZeroU32;

use maestro_retry::{RetryLayer, RetryPolicy};
use tower::{Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = String> {
    let policy = RetryPolicy::new(NonZeroU32::MIN)
        .retry_if(|r: &Result<String, String>| r.is_err());
    ServiceBuilder::new()
        .layer(RetryLayer::new(policy))
        .service_fn(async |request: u8| Ok::<_, String>(request))
}

fn main() {
    drop(store());
}
