//~ `ClassifyHttp` does not classify a `Result<String, Infallible>`
//~ the service of this layer has another result than its classifier is for
//~ `.http()` and `.grpc()` are for services whose response is an `http::Response`: put the layer around such a service,
//~ or decide by a closure: `.bad_if(|result| ...)`, `.classify(|result| ...)`

use std::convert::Infallible;

use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer};
use tower::{Service, ServiceBuilder};

fn store(budget: ErrorBudget) -> impl Service<u8, Response = String, Error = Infallible> {
    ServiceBuilder::new()
        .layer(ErrorBudgetLayer::new(budget).http())
        .service_fn(async |_: u8| Ok::<_, Infallible>(String::new()))
}

fn main() {
    let _ = store;
}
