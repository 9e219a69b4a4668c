//! The file: the builders of all layers, as serde reads them. And the arguments: where the peers are.

use std::path::PathBuf;

use clap::Parser;
use serde::Deserialize;
use tonic::transport::Endpoint;
use tower::BoxError;

/// The whole file.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) payments: Dependency,
    pub(crate) shipping: Dependency,
    pub(crate) cache: Dependency,
    pub(crate) store: Dependency,
}

/// The layers in front of the handlers, outside in.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// The share of each tenant.
    pub(crate) tenant: maestro_bulkhead::Builder,
    pub(crate) gate: maestro_slo_budget::GateBuilder,
    pub(crate) budget: maestro_slo_budget::Builder,
    pub(crate) timeout: maestro_timeout::Builder,
    pub(crate) bulkhead: maestro_bulkhead::Builder,
    pub(crate) body: maestro_timeout::BodyTimeoutBuilder,
}

/// The layers around one dependency, outside in. An absent `retry` or `breaker` is the starting point for an HTTP API, an
/// absent `retry_budget` that of the defaults.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependency {
    pub(crate) call: maestro_timeout::Builder,
    #[serde(default = "maestro_retry::Builder::http_api")]
    pub(crate) retry: maestro_retry::Builder,
    #[serde(default = "maestro_retry::RetryBudget::builder")]
    pub(crate) retry_budget: maestro_retry::BudgetBuilder,
    #[serde(default = "maestro_circuit_breaker::Builder::http_api")]
    pub(crate) breaker: maestro_circuit_breaker::Builder,
    pub(crate) attempt: maestro_timeout::Builder,
    pub(crate) bulkhead: maestro_bulkhead::Builder,
}

impl Config {
    /// Reads a file. The error names the field that is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, BoxError> {
        let file = toml::Deserializer::parse(text)?;
        Ok(serde_path_to_error::deserialize(file)?)
    }
}

/// A service for orders. Without an argument, it shows what it does without Redis and PostgreSQL.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/orders/orders.toml"))]
    pub(crate) file: PathBuf,
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// For operators and Prometheus. Whoever reaches it controls the circuit breakers.
    #[arg(long, default_value = "127.0.0.1:9090")]
    pub(crate) admin: String,
    /// Such as <http://payments.example>.
    #[arg(long)]
    pub(crate) payments: String,
    /// Such as <http://shipping.example>.
    #[arg(long)]
    pub(crate) shipping: Endpoint,
    /// Such as `redis://cache.example`. With a password, use the environment.
    #[arg(long, env = "ORDERS_REDIS", hide_env_values = true)]
    pub(crate) redis: String,
    /// Such as `host=store.example user=orders`. With a password, use the environment.
    #[arg(long, env = "ORDERS_POSTGRES", hide_env_values = true)]
    pub(crate) postgres: String,
}
