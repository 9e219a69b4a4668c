#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod breaker;
mod call;
mod config;
mod family;
mod layer;
mod observe;
mod run;
mod state;
mod sync;
mod types;
mod window;

/// The futures of the services.
pub mod future {
    pub use crate::layer::future::{ResponseFuture, WaitFuture};
}

#[cfg(test)]
mod tests;

use config::{builder, packed, probes, ramp, settings, wait};
use family::by;
use layer::{classify, guard, reject, service, wait_layer, wait_service};
use observe::{listener, metrics, outbox, snapshot, trace};
use state::{admission, circuit, epoch, live, measure, places, steer, tally, waiters, word};
use types::{cause, error, forced, open, ratio, transition, trigger};
use window::{bucket, buckets, recent};

pub use acquire::Acquire;
pub use breaker::{CircuitBreaker, Core, StaticCircuitBreaker};
pub use builder::Builder;
pub use by::By;
pub use call::{Call, OnCancel};
pub use cause::Cause;
pub use classify::{Classify, ClassifyWith, ErrIsFailure, FailureIf, Outcome};
pub use config::window::Window;
pub use error::InvalidConfig;
pub use family::CircuitBreakers;
pub use forced::Override;
pub use guard::Guard;
pub use layer::CircuitBreakerLayer;
pub use listener::Listener;
pub use open::Open;
pub use probes::Probes;
pub use ramp::Ramp;
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use service::CircuitBreakerService;
pub use snapshot::Snapshot;
pub use transition::Transition;
pub use trigger::Trigger;
pub use types::state::State;
pub use wait::Wait;
pub use wait_layer::WaitLayer;
pub use wait_service::WaitService;
