//! Compiles. So the programs beside it fail for the reason they name.

use std::num::NonZeroU32;

use maestro_retry::{RetryLayer, RetryPolicy};
use tower::{Service, ServiceBuilder};

#[derive(Clone)]
struct Request;

fn store() -> impl Service<Request, Response = u8, Error = String> {
    let busy = "busy".to_owned();
    let policy = RetryPolicy::new(NonZeroU32::MIN)
        .retry_if(move |r: &Result<u8, String>| r.as_ref() == Err(&busy));
    ServiceBuilder::new()
        .layer(RetryLayer::new(policy))
        .service_fn(async |_: Request| Ok::<_, String>(1))
}

fn main() {
    drop(store());
}
