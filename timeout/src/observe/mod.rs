pub(crate) mod metrics;
pub(crate) mod trace;
