//! Who is told of the decisions: a listener, metrics, tracing.

pub(crate) mod metrics;
pub(crate) mod shared;
pub(crate) mod trace;
pub(crate) mod watch;
