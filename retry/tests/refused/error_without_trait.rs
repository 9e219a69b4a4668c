//~ `StoreError` does not implement `Error`, so this layer cannot see which errors are rejections by other layers
//~ implement `std::error::Error` for `StoreError`, or `MayReject` if it is never a rejection,
//~ `retry_if(Result::is_err)` of a retry

use std::num::NonZeroU32;

use maestro_retry::{RetryLayer, RetryPolicy};
use tower::{Service, ServiceBuilder};

struct StoreError;

fn store() -> impl Service<u8, Response = u8, Error = StoreError> {
    ServiceBuilder::new()
        .layer(RetryLayer::new(RetryPolicy::new(NonZeroU32::MIN)))
        .service_fn(async |request: u8| Ok::<_, StoreError>(request))
}

fn main() {
    drop(store());
}
