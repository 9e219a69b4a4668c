#[cfg(not(loom))]
mod budgets;
#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod spread;
