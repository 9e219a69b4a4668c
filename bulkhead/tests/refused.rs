//! The compiler errors of the programs in `refused/`.
#[path = "../../.ci/refused.rs"]
mod refused;
const FEATURES: &str = "family http-body";
