#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod allowance;
mod builder;
mod deadline;
mod deadline_of;
mod elapsed;
mod layer;
mod limit;
mod limit_of;
mod nanos;
mod phase;
mod race;
mod readiness;
mod reject;
mod service;
mod sync;
mod timeout;
mod timer;

pub mod future;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use deadline::Deadline;
pub use deadline_of::{DeadlineOf, DeadlineWith, NoDeadline};
pub use elapsed::Elapsed;
pub use layer::TimeoutLayer;
pub use limit_of::{Fixed, LimitOf, LimitWith};
pub use phase::Phase;
pub use reject::{Answer, IntoError, OnReject};
pub use service::TimeoutService;
pub use timeout::Timeout;
