//~ a `String` has no body whose end a call could await
//~ `.until_body_end()` and `.grpc()` await the end of an `http_body::Body`
//~ put the layer around a service whose response is an `http::Response` with such a body,
//~ or leave `.until_body_end()` out: the call then ends with its response

use std::convert::Infallible;

use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer};
use tower::{Service, ServiceBuilder};

fn store(budget: ErrorBudget) -> impl Service<u8, Error = Infallible> {
    ServiceBuilder::new()
        .layer(ErrorBudgetLayer::new(budget).until_body_end())
        .service_fn(async |_: u8| Ok::<_, Infallible>(String::new()))
}

fn main() {
    let _ = store;
}
