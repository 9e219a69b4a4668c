#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod no_lock;
#[cfg(not(loom))]
mod ramp;
#[cfg(not(loom))]
mod waiting;
