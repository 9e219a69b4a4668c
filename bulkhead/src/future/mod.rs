//! The futures of the services.

mod patience;
mod queue;
mod response;

pub(crate) use patience::Patience;
pub(crate) use queue::Place;
pub use queue::QueueFuture;
pub use response::ResponseFuture;
