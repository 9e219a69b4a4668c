#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod breaker;
mod call;
mod config;
mod family;
mod layer;
mod observe;
mod state;
mod sync;
mod types;
mod window;

#[doc = include_str!("guide.md")]
pub mod guide {}

/// The futures of the services.
pub mod future {
    pub use crate::layer::{ResponseFuture, WaitFuture};
}

#[cfg(test)]
mod tests;

pub use self::{
    acquire::Acquire,
    breaker::{CircuitBreaker, StaticCircuitBreaker},
    call::{Call, Core},
    config::{Builder, Probes, Ramp, Wait, Window},
    family::{By, CircuitBreakers},
    layer::{
        Answer, CircuitBreakerLayer, CircuitBreakerService, Classify, ClassifyWith, ErrIsFailure,
        FailureIf, Fallback, IntoError, OnReject, Source, WaitLayer, WaitService,
    },
    observe::Listener,
    state::Snapshot,
    types::{Cause, InvalidConfig, OnCancel, Open, Outcome, Override, State, Transition},
};
