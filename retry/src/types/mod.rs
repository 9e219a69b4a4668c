//! Plain values. They hold no state and import no other room.

mod attempt;
mod error;
mod event;
mod now;
mod verdict;

pub use attempt::Attempt;
pub use error::InvalidConfig;
pub use event::{Event, GiveUpReason, RetryReason};
pub use now::Now;
pub use verdict::{RetryTerms, Verdict};
