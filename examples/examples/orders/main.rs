//! A whole service with all of its dependencies behind the layers: a server of axum, payments by reqwest with a breaker for
//! each host, Redis with PostgreSQL as its fallback, and shipping by tonic. One TOML file configures all layers, and is
//! followed while the service runs. `/admin` has the operator's controls, `/metrics` the figures for Prometheus.
//!
//! ```sh
//! cargo run -p maestro-examples --example orders             # needs nothing, and ends after a few seconds
//! cargo run -p maestro-examples --example orders -- --help   # what to give it, so that it serves
//! ```

mod admin;
mod clients;
mod config;
mod demo;
mod error;
mod handles;
mod parcels;
mod server;
mod stacks;

#[cfg(test)]
mod tests;

use std::{fs, path::PathBuf, time::Duration};

use axum::Router;
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{net::TcpListener, time::sleep};
use tower::BoxError;

use self::{
    config::{Arguments, Config},
    handles::Handles,
    server::App,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    if std::env::args().len() == 1 {
        return demo::play().await;
    }
    let arguments = Arguments::parse();
    let listen = arguments.listen.clone();
    let service = start(arguments)?;
    let listener = TcpListener::bind(listen).await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, service).await?)
}

/// Builds the service, which follows its file from then on.
fn start(to: Arguments) -> Result<Router, BoxError> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let file = fs::read_to_string(&to.file);
    let file = file.map_err(|error| format!("{}: {error}", to.file.display()))?;
    let handles = Handles::build(&Config::parse(&file)?)?;
    let (budget, gate) = (&handles.server.budget, &handles.server.gate);
    for warning in budget.warnings().into_iter().chain(gate.warnings()) {
        tracing::warn!("{warning}");
    }
    // The errors do not repeat what they refuse: it may have a password.
    let postgres = to.postgres.parse::<tokio_postgres::Config>();
    let postgres = postgres.map_err(|error| format!("--postgres: {error}"))?;
    let store = stacks::store(&handles.store, clients::postgres(postgres));
    let redis = redis::Client::open(to.redis).and_then(clients::redis);
    let redis = redis.map_err(|error| format!("--redis: {error}"))?;
    let cache = stacks::store(&handles.cache, redis);
    let channel = to.shipping.connect_lazy();
    let app = App {
        payments: stacks::payments(&handles.payments, clients::http(reqwest::Client::new())),
        payments_url: to.payments,
        shipping: stacks::shipping(&handles.shipping, clients::grpc(channel)),
        cache: stacks::cached(cache, store.clone()),
        store,
    };
    let routes = server::protect(server::routes(app), &handles.server);
    tokio::spawn(follow(to.file, handles.clone()));
    Ok(routes.merge(admin::routes(handles, metrics)))
}

/// Looks at the file each second. A file that is refused is logged and changes nothing.
async fn follow(file: PathBuf, handles: Handles) {
    let modified = || fs::metadata(&file).and_then(|about| about.modified()).ok();
    let mut seen = modified();
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = modified();
        if now == seen {
            continue;
        }
        seen = now;
        let text = fs::read_to_string(&file).map_err(BoxError::from);
        match text.and_then(|text| handles.reload(&text)) {
            Ok(()) => tracing::info!("{} is in force", file.display()),
            Err(error) => tracing::error!("{} is refused: {error}", file.display()),
        }
    }
}
