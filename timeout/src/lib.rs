#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod allowance;
mod deadline;
mod deadline_of;
mod elapsed;
mod layer;
mod limit_of;
mod race;
mod reject;
mod service;
mod timeout;

pub mod future;

#[cfg(test)]
mod tests;

pub use deadline::Deadline;
pub use deadline_of::{DeadlineOf, DeadlineWith, NoDeadline};
pub use elapsed::Elapsed;
pub use layer::TimeoutLayer;
pub use limit_of::{Fixed, LimitOf, LimitWith};
pub use reject::{Answer, IntoError, OnReject};
pub use service::TimeoutService;
pub use timeout::Timeout;
