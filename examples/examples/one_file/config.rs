//! The file: the builders of all layers, as serde reads them.

use std::{error::Error, fs, path::Path};

use serde::Deserialize;

/// The whole file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    pub(crate) store: StoreConfig,
}

/// What the service promises.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceConfig {
    pub(crate) budget: maestro_slo_budget::Builder,
    pub(crate) gate: maestro_slo_budget::GateBuilder,
    pub(crate) alerts: maestro_slo_budget::AlertsBuilder,
}

/// The layers around a dependency, outside in.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreConfig {
    pub(crate) deadline: maestro_timeout::Builder,
    pub(crate) retry: maestro_retry::Builder,
    pub(crate) retry_budget: maestro_retry::BudgetBuilder,
    pub(crate) breaker: maestro_circuit_breaker::Builder,
    pub(crate) attempt: maestro_timeout::Builder,
    pub(crate) bulkhead: maestro_bulkhead::Builder,
}

impl Config {
    /// Reads the file. The error names the line and the field.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }
}
