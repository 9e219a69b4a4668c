// The package maestro-examples runs the examples of the README.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod breaker;
mod call;
mod config;
#[cfg(feature = "family")]
mod family;
mod layer;
mod observe;
mod state;
mod sync;
mod types;
mod window;

#[cfg(feature = "test-util")]
pub mod test_util;

#[doc = include_str!("guide.md")]
pub mod guide {
    #[doc = include_str!("meaning.md")]
    pub mod meaning {}
}

/// The futures of the services.
pub mod future {
    pub use crate::layer::{ResponseFuture, WaitFuture};
}

#[cfg(test)]
mod tests;

#[cfg(feature = "family")]
pub use self::family::{By, CircuitBreakers};
pub use self::{
    acquire::Acquire,
    breaker::{CircuitBreaker, StaticCircuitBreaker},
    call::{Call, Core},
    config::{Builder, Probes, Ramp, Wait, Window},
    layer::{
        Answer, AtHead, CallEnd, CircuitBreakerLayer, CircuitBreakerService, Classify,
        ClassifyWith, ErrIsFailure, FailureIf, Fallback, IgnoreRejections, IntoError, OnReject,
        Source, WaitLayer, WaitService,
    },
    observe::Listener,
    state::Snapshot,
    types::{
        Boxed, Cause, InvalidConfig, InvalidConfigKind, Listed, MayReject, Name, OnCancel, Open,
        Outcome, Override, State, Transition,
    },
};
#[cfg(feature = "http-body")]
pub use self::{
    layer::{AtBodyEnd, CallBody},
    types::BodyEnd,
};
#[cfg(feature = "http")]
pub use self::{
    layer::{ClassifyChosen, ClassifyHttp},
    types::retry_after,
};
