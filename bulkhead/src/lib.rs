#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod adaptive;
mod aimd;
#[cfg(feature = "http-body")]
mod body;
mod builder;
mod bulkhead;
mod classify;
mod core;
mod deadline;
mod error;
mod family;
mod full;
mod gradient;
mod guard;
mod layer;
mod limit;
mod metrics;
mod permit;
mod permits;
mod pointer;
mod queue;
mod queue_layer;
mod queue_service;
mod regulate;
mod reject;
mod run;
mod samples;
#[cfg(feature = "serde")]
mod serde;
mod service;
mod sync;
mod trace;
mod waiters;

pub mod future;

#[cfg(test)]
mod tests;

pub use self::core::Core;
pub use acquire::Acquire;
pub use adaptive::{Adaptive, AdaptiveBulkhead};
pub use aimd::Aimd;
#[cfg(feature = "http-body")]
pub use body::{
    BodyFuture, BodyLayer, BodyService, PermitBody, QueueBodyFuture, QueueBodyLayer,
    QueueBodyService,
};
pub use builder::Builder;
pub use bulkhead::{Bulkhead, StaticBulkhead};
pub use classify::{Classify, ClassifyWith, Ignore, Outcome, OverloadIf};
pub use deadline::{DeadlineOf, DeadlineWith, NoDeadline};
pub use error::InvalidConfig;
pub use family::{AdaptiveBulkheads, Bulkheads, By};
pub use full::{Cause, Full};
pub use gradient::Gradient2;
pub use guard::Guard;
pub use layer::BulkheadLayer;
pub use limit::{Limit, Window};
pub use permit::Permit;
pub use pointer::Pointer;
pub use queue::Queue;
pub use queue_layer::QueueLayer;
pub use queue_service::QueueService;
pub use regulate::{Fixed, Regulate};
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use service::BulkheadService;
