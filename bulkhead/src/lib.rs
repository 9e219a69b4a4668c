#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod bulkhead;
mod config;
mod family;
mod layer;
mod limit;
mod observe;
mod permit;
mod state;
mod sync;
mod types;

/// The futures of the services.
pub mod future {
    pub use crate::layer::{future::ResponseFuture, queue::QueueFuture};
}

#[doc = include_str!("guide.md")]
pub mod guide {}

#[cfg(test)]
mod tests;

pub use acquire::Acquire;
pub use bulkhead::{AdaptiveBulkhead, Bulkhead, StaticBulkhead};
pub use config::{Builder, Queue};
pub use family::{AdaptiveBulkheads, Bulkheads, By};
pub use layer::{
    BulkheadLayer,
    classify::{Classify, ClassifyWith, Ignore, OverloadIf},
    end::{AtHead, CallEnd},
    queue::{DeadlineOf, DeadlineWith, NoDeadline, QueueLayer, QueueService},
    reject::{Answer, Fallback, IntoError, OnReject},
    service::BulkheadService,
    source::Source,
};
#[cfg(feature = "http-body")]
pub use layer::{body::PermitBody, end::AtBodyEnd};
pub use limit::{Adaptive, Aimd, Fixed, Gradient2, Limit, Regulate, Window};
pub use permit::Permit;
pub use state::{Core, Pointer};
pub use types::{Cause, Full, InvalidConfig, Outcome};
