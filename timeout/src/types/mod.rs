pub(crate) mod allowance;
pub(crate) mod elapsed;
pub(crate) mod error;
pub(crate) mod nanos;
pub(crate) mod phase;
