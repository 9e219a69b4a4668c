#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod backoff;
mod budget;
mod budget_builder;
mod builder;
mod classify;
mod core;
mod cost_bucket;
mod course;
mod credit;
mod deadline;
mod delays;
mod error;
mod event;
mod flight;
mod guard;
mod half_full;
mod hold;
#[cfg(feature = "http")]
mod http_hints;
#[cfg(feature = "http")]
mod http_replay;
mod in_flight_share;
mod jitter;
mod layer;
mod ledger;
mod mark;
mod metrics;
mod now;
mod numbers;
mod policy;
mod replay;
mod retry_budget;
mod rules;
mod seeds;
#[cfg(feature = "serde")]
mod serde;
mod service;
mod shared;
mod sync;
mod terms;
mod tokens;
#[cfg(feature = "tower")]
mod tower_policy;
mod trace;
mod wait;
mod watch;

pub mod future;

#[cfg(test)]
mod tests;

pub use self::core::Core;
pub use attempt::Attempt;
pub use backoff::Backoff;
pub use budget::{Budget, Unlimited};
pub use budget_builder::BudgetBuilder;
pub use builder::Builder;
pub use classify::{Classify, ClassifyWith, RetryErrors, RetryIf, Verdict};
pub use cost_bucket::{CostBucket, CostBucketBuilder, CostBucketCore, CostHold, StaticCostBucket};
pub use deadline::{DeadlineOf, DeadlineWith, NoDeadline};
pub use delays::Delays;
pub use error::InvalidConfig;
pub use event::{Event, GiveUpReason, RetryReason};
pub use guard::Guard;
pub use half_full::{HalfFull, HalfFullBuilder, HalfFullCore, StaticHalfFull};
pub use hold::Hold;
#[cfg(feature = "http")]
pub use http_hints::{RetryHttp, grpc_pushback, retry_after, retry_after_at};
#[cfg(feature = "http")]
pub use http_replay::{AttemptNumber, HttpReplay};
pub use in_flight_share::{
    CallInFlight, InFlightCore, InFlightShare, InFlightShareBuilder, RetryInFlight,
    StaticInFlightShare,
};
pub use jitter::Jitter;
pub use layer::RetryLayer;
pub use now::Now;
pub use policy::RetryPolicy;
pub use replay::{CloneRequest, Replay, ReplayWith};
pub use retry_budget::{RetryBudget, StaticRetryBudget};
pub use service::RetryService;
#[cfg(feature = "tower")]
pub use tower_policy::{TowerPolicy, TowerWait};
