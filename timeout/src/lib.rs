#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "http-body")]
mod body;
mod config;
mod deadline;
mod filter;
#[cfg(feature = "http")]
mod http;
mod layer;
mod limit;
mod observe;
mod race;
mod sync;
mod timeout;
mod timer;
mod types;
mod window;

#[cfg(test)]
mod tests;

pub use self::{
    config::{filter::DeadlineFilterBuilder, timeout::Builder},
    deadline::Deadline,
    filter::{DeadlineFilter, layer::DeadlineFilterLayer, service::DeadlineFilterService},
    layer::{
        TimeoutLayer,
        deadline_of::{DeadlineOf, DeadlineWith, NoDeadline},
        future,
        limit_of::{Fixed, LimitOf, LimitWith},
        reject::{Answer, IntoError, OnReject},
        service::TimeoutService,
    },
    timeout::Timeout,
    types::{elapsed::Elapsed, error::InvalidConfig, phase::Phase},
};

#[cfg(feature = "http")]
pub use self::http::{
    Ignore, InExtensions, Malformed, OnMalformed, ReadDeadlineLayer, ReadDeadlineService, Refuse,
    TimeHeader, WriteDeadlineLayer, WriteDeadlineService, in_extensions,
};
#[cfg(feature = "http-body")]
pub use self::{
    body::{
        BodyError, BodyResponseFuture, BodyTimeout, BodyTimeoutLayer, BodyTimeoutService,
        TimeoutBody,
    },
    config::body::BodyTimeoutBuilder,
};
