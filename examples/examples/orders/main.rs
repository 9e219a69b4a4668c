//! A whole service with all of its dependencies behind the layers: a server of axum, payments by reqwest with a breaker for
//! each host, Redis with PostgreSQL as its fallback, and shipping by tonic. One TOML file configures all layers, and is
//! followed while the service runs. At an address of their own, `/admin` has the operator's controls and `/metrics` the figures for
//! Prometheus.
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
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
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
    let [listener, private] = [&arguments.listen, &arguments.admin].map(TcpListener::bind);
    let (listener, private) = (listener.await?, private.await?);
    tracing::info!("listening on {}", listener.local_addr()?);
    tracing::info!("operators: {}", private.local_addr()?);
    let Service { orders, admin } = start(arguments)?;
    tokio::spawn(axum::serve(private, admin).into_future());
    Ok(axum::serve(listener, orders).await?)
}

/// What callers and what operators reach, each at an address of its own.
struct Service {
    orders: Router,
    admin: Router,
}

/// Builds the service, which follows its file from then on.
fn start(to: Arguments) -> Result<Service, BoxError> {
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
    let orders = server::protect(server::routes(app), &handles.server);
    tokio::spawn(follow(to.file, file, handles.clone()));
    tokio::spawn(keep_small(metrics.clone()));
    let admin = admin::routes(handles, metrics);
    Ok(Service { orders, admin })
}

/// Without it, the samples of the histograms stay in memory until somebody scrapes.
async fn keep_small(metrics: PrometheusHandle) {
    loop {
        sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

/// Looks at the file each second. A file that is refused is logged and changes nothing.
async fn follow(file: PathBuf, mut seen: String, handles: Handles) {
    loop {
        sleep(Duration::from_secs(1)).await;
        // A file that is gone for a moment, while an editor saves it, is looked for again.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        if text == seen {
            continue;
        }
        match handles.reload(&text) {
            Ok(()) => tracing::info!("{} is in force", file.display()),
            Err(error) => tracing::error!("{} is refused: {error}", file.display()),
        }
        seen = text;
    }
}
