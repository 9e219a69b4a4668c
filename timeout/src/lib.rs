#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod allowance;
#[cfg(feature = "http-body")]
mod body;
mod builder;
mod credit;
mod deadline;
mod deadline_of;
mod elapsed;
mod error;
mod filter;
mod filter_builder;
mod filter_layer;
mod filter_service;
mod layer;
mod limit;
mod limit_of;
mod metrics;
mod nanos;
mod phase;
mod race;
mod readiness;
mod reject;
#[cfg(feature = "serde")]
mod serde;
mod service;
mod share;
mod sync;
mod timeout;
mod timer;
mod trace;
mod window;

#[cfg(feature = "http")]
mod wire;

pub mod future;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use deadline::Deadline;
pub use deadline_of::{DeadlineOf, DeadlineWith, NoDeadline};
pub use elapsed::Elapsed;
pub use error::InvalidConfig;
pub use filter::DeadlineFilter;
pub use filter_builder::DeadlineFilterBuilder;
pub use filter_layer::DeadlineFilterLayer;
pub use filter_service::DeadlineFilterService;
pub use layer::TimeoutLayer;
pub use limit_of::{Fixed, LimitOf, LimitWith};
pub use phase::Phase;
pub use reject::{Answer, IntoError, OnReject};
pub use service::TimeoutService;
pub use timeout::Timeout;

#[cfg(feature = "http-body")]
pub use body::{
    BodyError, BodyResponseFuture, BodyTimeout, BodyTimeoutBuilder, BodyTimeoutLayer,
    BodyTimeoutService, TimeoutBody,
};
#[cfg(feature = "http")]
pub use wire::{
    Ignore, InExtensions, Malformed, OnMalformed, ReadDeadlineLayer, ReadDeadlineService, Refuse,
    TimeHeader, WriteDeadlineLayer, WriteDeadlineService, in_extensions,
};
