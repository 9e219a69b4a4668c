pub(crate) mod cause;
pub(crate) mod error;
pub(crate) mod forced;
pub(crate) mod open;
pub(crate) mod ratio;
pub(crate) mod state;
pub(crate) mod transition;
pub(crate) mod trigger;
