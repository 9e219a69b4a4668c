//~ the trait bound `BoxService<u8, u8, String>: Clone` is not satisfied

use std::num::NonZeroU32;

use maestro_retry::{RetryLayer, RetryPolicy};
use tower::{Layer, Service, util::BoxService};

fn store(once: BoxService<u8, u8, String>) -> impl Service<u8, Response = u8, Error = String> {
    RetryLayer::new(RetryPolicy::new(NonZeroU32::MIN)).layer(once)
}

fn main() {
    let _ = store;
}
