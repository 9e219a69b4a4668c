// The package maestro-examples runs the examples of the README.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "http-body")]
mod body;
mod config;
mod deadline;
#[cfg(feature = "family")]
mod family;
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

#[cfg(feature = "test-util")]
pub mod test_util;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub mod future {
    //! The futures of the services, and that of [`Deadline::run`](crate::Deadline::run).

    pub use crate::{
        deadline::Run,
        layer::{CallOrAnswer, ResponseFuture},
    };
}

pub use self::{
    config::{Builder, DeadlineFilterBuilder},
    deadline::Deadline,
    filter::{DeadlineFilter, DeadlineFilterLayer, DeadlineFilterService},
    layer::{
        Answer, DeadlineOf, DeadlineWith, Fixed, IntoError, IntoSource, LimitOf, LimitWith,
        NoDeadline, OnReject, Source, TimeoutLayer, TimeoutService,
    },
    observe::Listener,
    timeout::Timeout,
    types::{
        DarkCause, DarkChange, Elapsed, Event, InvalidConfig, InvalidConfigKind, LimitCause,
        LimitChange, Name, Override, Phase,
    },
};

#[cfg(feature = "family")]
pub use self::family::{By, Timeouts};
#[cfg(feature = "http")]
pub use self::http::{
    Ignore, InExtensions, Malformed, OnMalformed, ReadDeadlineLayer, ReadDeadlineService, Refuse,
    Stamp, TimeHeader, WriteDeadlineLayer, WriteDeadlineService, in_extensions,
};
#[cfg(feature = "http-body")]
pub use self::{
    body::{
        BodyError, BodyResponseFuture, BodyTimeout, BodyTimeoutLayer, BodyTimeoutService,
        TimeoutBody,
    },
    config::BodyTimeoutBuilder,
};
