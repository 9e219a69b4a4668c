#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod period;
#[cfg(not(loom))]
mod policy;
#[cfg(not(loom))]
mod simulation;
