//! Events and the listeners that hear of them.

mod listener;
pub(crate) mod outbox;

pub use listener::Listener;
