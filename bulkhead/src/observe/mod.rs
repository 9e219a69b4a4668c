//! What is told to metrics and tracing.

pub(crate) mod metrics;
pub(crate) mod tracing;
