//! Compiles: what fails below fails for what it says.

use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Gate, GateLayer};
use tower::{BoxError, Service, ServiceBuilder};

fn store(gate: Gate, budget: ErrorBudget) -> impl Service<u8, Response = u8, Error = BoxError> {
    ServiceBuilder::new()
        .layer(GateLayer::new(gate))
        .layer(ErrorBudgetLayer::new(budget))
        .service_fn(async |request: u8| Ok::<_, BoxError>(request))
}

fn main() {
    let _ = store;
}
