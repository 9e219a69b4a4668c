//! The numbers of a bulkhead and of a queue.

mod builder;
#[cfg(feature = "serde")]
pub(crate) mod duration;
mod presets;
mod queue;
#[cfg(feature = "serde")]
mod table;

pub use builder::Builder;
pub(crate) use queue::Line;
pub use queue::Queue;
#[cfg(feature = "serde")]
pub(crate) use table::Table;
