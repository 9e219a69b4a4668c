#[cfg(not(loom))]
mod model;
