// The package maestro-examples runs the examples of the README.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod bulkhead;
mod config;
mod drain;
#[cfg(feature = "family")]
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
    pub use crate::layer::{QueueFuture, ResponseFuture};
}

#[cfg(feature = "test-util")]
pub mod test_util;

#[doc = include_str!("guide.md")]
pub mod guide {
    #[doc = include_str!("meaning.md")]
    pub mod meaning {}
}

#[cfg(test)]
mod tests;

pub use acquire::Acquire;
pub use bulkhead::{AdaptiveBulkhead, Bulkhead, StaticBulkhead};
pub use config::{Builder, Queue};
pub use drain::Drain;
#[cfg(feature = "family")]
pub use family::{AdaptiveBulkheads, Bulkheads, By};
pub use layer::{
    Answer, AtHead, BulkheadLayer, BulkheadService, CallEnd, Classify, ClassifyWith, DeadlineOf,
    DeadlineWith, Fallback, IntoError, NoDeadline, OkIsSuccess, OnReject, OverloadIf, QueueLayer,
    QueueService, Source, Weighted,
};
#[cfg(feature = "http-body")]
pub use layer::{AtBodyEnd, PermitBody};
#[cfg(feature = "http")]
pub use layer::{ClassifyChosen, ClassifyHttp};
pub use limit::{Adaptive, Aimd, Fixed, Gradient2, Limit, Regulate, Window};
pub use observe::Listener;
pub use permit::Permit;
pub use state::{Core, Many, Pointer};
#[cfg(feature = "http-body")]
pub use types::BodyEnd;
pub use types::{
    Cause, Event, Full, InvalidConfig, InvalidConfigKind, LimitCause, LimitChange, Name, Outcome,
    Override,
};
