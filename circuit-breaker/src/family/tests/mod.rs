#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod open_limit;
#[cfg(not(loom))]
mod steps;
