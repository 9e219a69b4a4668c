//! Events and their listeners.

mod listeners;

#[cfg(all(test, loom))]
mod tests;

pub use listeners::Listener;
pub(crate) use listeners::Listeners;
