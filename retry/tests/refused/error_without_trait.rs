//~ `StoreError` does not implement `Error`, so the retry layer cannot see which errors are rejections by other layers
//~ or say what is retried: `RetryPolicy::retry_if(Result::is_err)` retries every `Err`

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
