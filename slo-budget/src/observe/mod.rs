//! Events and their listeners.

mod listeners;

pub use listeners::Listener;
pub(crate) use listeners::Listeners;
