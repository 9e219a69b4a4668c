#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod policy;
#[cfg(not(loom))]
mod simulation;
