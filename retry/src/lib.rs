#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod budget;
mod builder;
#[cfg(feature = "serde")]
mod duration;
#[cfg(feature = "http")]
mod http;
mod layer;
mod observe;
mod policy;
mod sync;
#[cfg(feature = "serde")]
mod table;
mod types;

#[doc = include_str!("guide.md")]
pub mod guide {}

/// The future of the service.
pub mod future {
    pub use crate::layer::ResponseFuture;
}

#[cfg(feature = "http")]
pub use self::http::{
    AttemptNumber, HttpReplay, RetryHttp, RetryStatuses, grpc_pushback, retry_after, retry_after_at,
};
pub use backoff::{Backoff, Delays, Jitter};
pub use budget::{
    Budget, BudgetBuilder, CallInFlight, Core, CostBucket, CostBucketBuilder, CostBucketCore,
    CostHold, HalfFull, HalfFullBuilder, HalfFullCore, Hold, InFlightCore, InFlightShare,
    InFlightShareBuilder, RetryBudget, RetryInFlight, StaticCostBucket, StaticHalfFull,
    StaticInFlightShare, StaticRetryBudget, Unlimited,
};
pub use layer::{RetryLayer, RetryService, Source};
#[cfg(feature = "tower")]
pub use layer::{TowerPolicy, TowerWait};
pub use policy::{
    Boxed, Builder, Classify, ClassifyWith, CloneRequest, DeadlineOf, DeadlineWith, Listed,
    MayReject, NoDeadline, Replay, ReplayWith, RetryErrors, RetryIf, RetryPolicy, RetryRejections,
    is_rejection,
};
pub use types::{
    Attempt, Event, GiveUpReason, InvalidConfig, Now, RetryReason, RetryTerms, Verdict,
};
