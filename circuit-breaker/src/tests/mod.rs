#[cfg(not(loom))]
mod family;
#[cfg(loom)]
mod loom;
#[cfg(loom)]
mod loom_family;
#[cfg(loom)]
mod loom_waiting;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod waiting;
