#[cfg(not(loom))]
mod exact;
#[cfg(not(loom))]
mod mixture;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod peeking;
#[cfg(not(loom))]
mod rules;
