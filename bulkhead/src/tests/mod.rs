#[cfg(all(feature = "http-body", not(loom)))]
mod body_end;
#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod queue_model;
#[cfg(not(loom))]
mod retired;

#[cfg(loom)]
pub(crate) use self::loom::explore;
