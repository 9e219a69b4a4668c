//! The numbers of a bulkhead and of a queue.

mod builder;
mod queue;
#[cfg(feature = "serde")]
mod serde;

pub use builder::Builder;
pub use queue::Queue;
