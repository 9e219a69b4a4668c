//! The futures of the services.

mod patience;
mod queue;
mod response;
mod waiter;

pub(crate) use patience::{Bounds, Patience};
pub use queue::QueueFuture;
pub use response::ResponseFuture;
pub(crate) use waiter::{Begun, Place, Waiter};
