// The package maestro-examples runs the examples of the README.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod budget;
mod builder;
mod cell;
#[cfg(feature = "serde")]
mod duration;
mod fallback;
mod hedge;
#[cfg(feature = "http")]
mod http;
mod layer;
mod observe;
mod policy;
mod sync;
#[cfg(feature = "serde")]
mod table;
mod types;

#[cfg(feature = "test-util")]
pub mod test_util;

#[doc = include_str!("guide.md")]
pub mod guide {
    #[doc = include_str!("meaning.md")]
    pub mod meaning {}
}

/// The futures of the services.
pub mod future {
    #[cfg(feature = "http")]
    pub use crate::http::FirstFrameFuture;
    pub use crate::{fallback::FallbackFuture, hedge::HedgedResponse, layer::ResponseFuture};
}

#[cfg(feature = "http")]
pub use self::http::{
    AttemptNumber, FirstFrameBody, FirstFrameLayer, FirstFrameService, HttpReplay, RetryChosen,
    RetryHttp, grpc_pushback, grpc_retry_after,
};
pub use backoff::{Backoff, Delays, Jitter};
pub use budget::{
    Budget, BudgetBuilder, BudgetSource, CallInFlight, Core, CostBucket, CostBucketBuilder,
    CostBucketCore, CostHold, HalfFull, HalfFullBuilder, HalfFullCore, Hold, InFlightCore,
    InFlightShare, InFlightShareBuilder, RetryBudget, RetryInFlight, StaticCostBucket,
    StaticHalfFull, StaticInFlightShare, StaticRetryBudget, Unlimited,
};
#[cfg(feature = "family")]
pub use budget::{By, RetryBudgets};
pub use fallback::{FallbackLayer, FallbackService, OnlyIf};
pub use hedge::{Hedge, HedgeBuilder, HedgeLayer, HedgeService};
pub use layer::{RetryLayer, RetryService, Source, SourceOf};
#[cfg(feature = "tower")]
pub use layer::{TowerPolicy, TowerWait};
pub use observe::Listener;
pub use policy::{
    Builder, Classify, ClassifyAttemptWith, ClassifyWith, CloneRequest, DeadlineOf, DeadlineWith,
    NoDeadline, Replay, ReplayWith, RetryErrors, RetryIf, RetryPolicy, RetryRejections,
    is_rejection,
};
pub use types::{
    Attempt, Boxed, BudgetEvent, BudgetState, Event, GiveUpReason, HedgeResult, InvalidConfig,
    InvalidConfigKind, Listed, MayReject, Name, Now, Override, RetryReason, RetryTerms,
    SwitchCause, Verdict,
};
#[cfg(feature = "http")]
pub use types::{retry_after, retry_after_at};
