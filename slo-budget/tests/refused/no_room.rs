//~ a refusal of the gate cannot be reported as `Infallible`
//~ `Infallible` has no room for `maestro_slo_budget::Spent`
//~ give it room: `impl From<Spent>` (thiserror: `#[from] Spent`) where `Infallible` is your own type,
//~ or put `.map_err(BoxError::from)` below this layer, as the innermost step of the stack,
//~ or answer refused calls yourself: `GateLayer::on_reject(|spent| ...)`

use std::convert::Infallible;

use maestro_slo_budget::{Gate, GateLayer};
use tower::{Service, ServiceBuilder};

fn store(gate: Gate) -> impl Service<u8, Response = u8, Error = Infallible> {
    ServiceBuilder::new()
        .layer(GateLayer::new(gate))
        .service_fn(async |request: u8| Ok::<_, Infallible>(request))
}

fn main() {
    let _ = store;
}
