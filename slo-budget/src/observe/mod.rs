//! Events and their listeners.

#[expect(
    dead_code,
    reason = "the file is shared with crates that have events of calls"
)]
mod listeners;

#[cfg(all(test, loom))]
mod tests;

pub use listeners::Listener;
pub(crate) use listeners::Listeners;
