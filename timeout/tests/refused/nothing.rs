//! Compiles. So the other programs fail for the reason that they state.

use std::time::Duration;

use maestro_timeout::TimeoutLayer;
use tower::{BoxError, Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    drop(store());
}
