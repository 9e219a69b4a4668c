#[cfg(not(loom))]
mod family;
#[cfg(loom)]
mod loom;
#[cfg(loom)]
mod loom_family;
#[cfg(not(loom))]
mod model;
