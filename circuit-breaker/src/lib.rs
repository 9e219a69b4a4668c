#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod admission;
mod advance;
mod breaker;
mod bucket;
mod buckets;
mod builder;
mod by;
mod call;
mod cause;
mod circuit;
mod classify;
mod epoch;
mod error;
mod family;
mod forced;
mod guard;
mod layer;
mod listen;
mod listener;
mod live;
mod measure;
mod metrics;
mod open;
mod outbox;
mod packed;
mod places;
mod probes;
mod ramp;
mod ratio;
mod recent;
mod reconfigure;
mod reject;
mod run;
#[cfg(feature = "serde")]
mod serde;
mod service;
mod settings;
mod settle;
mod snapshot;
mod state;
mod steer;
mod sync;
mod tally;
mod trace;
mod transition;
mod trigger;
mod wait;
mod wait_layer;
mod wait_service;
mod waiters;
mod waiting;
mod window;
mod word;

pub mod future;

#[cfg(test)]
mod tests;

pub use acquire::Acquire;
pub use breaker::{CircuitBreaker, Core, StaticCircuitBreaker};
pub use builder::Builder;
pub use by::By;
pub use call::{Call, OnCancel};
pub use cause::Cause;
pub use classify::{Classify, ClassifyWith, ErrIsFailure, FailureIf, Outcome};
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
pub use state::State;
pub use transition::Transition;
pub use trigger::Trigger;
pub use wait::Wait;
pub use wait_layer::WaitLayer;
pub use wait_service::WaitService;
pub use window::Window;
