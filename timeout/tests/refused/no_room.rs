//~ an elapsed timeout cannot be reported as `Infallible`
//~ `Infallible` has no room for `maestro_timeout::Elapsed`
//~ give it room: `impl From<Elapsed>` (thiserror: `#[from] Elapsed`) where `Infallible` is your own type,
//~ or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,
//~ or answer elapsed calls yourself: `TimeoutLayer::on_reject(|elapsed| ...)`

use std::{convert::Infallible, time::Duration};

use maestro_timeout::TimeoutLayer;
use tower::{Service, ServiceBuilder};

fn store() -> impl Service<u8, Response = u8, Error = Infallible> {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .service_fn(async |request: u8| Ok::<_, Infallible>(request))
}

fn main() {
    drop(store());
}
