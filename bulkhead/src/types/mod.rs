//! Plain values.

mod error;
mod full;

pub use error::InvalidConfig;
pub use full::{Cause, Full};
