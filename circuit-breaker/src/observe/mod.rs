pub(crate) mod listen;
pub(crate) mod listener;
pub(crate) mod metrics;
pub(crate) mod outbox;
pub(crate) mod snapshot;
pub(crate) mod trace;
