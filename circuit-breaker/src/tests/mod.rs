#[cfg(not(loom))]
mod family;
#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod no_lock;
#[cfg(not(loom))]
mod waiting;
