//! Burn rates over windows: the rules of gates and alerts, and the guards against low traffic.

mod rule;
pub(crate) mod significance;

pub use rule::{Limit, Page};
