//! Plain values.

mod error;
mod full;
mod no_retry;
mod outcome;
mod rounded;
mod snapshot;

pub use error::InvalidConfig;
pub use full::{Cause, Full};
pub use outcome::Outcome;
pub(crate) use snapshot::{CLOSED, ONE, Snapshot, UNLIMITED, WAITING};
