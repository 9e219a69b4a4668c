mod cost;
pub(crate) mod flight;
mod in_flight;
pub(crate) mod ratio;
mod throttle;
pub(crate) mod tokens;

pub use self::{
    cost::{CostBucket, CostBucketBuilder, CostBucketCore, CostHold, StaticCostBucket},
    in_flight::{
        CallInFlight, InFlightCore, InFlightShare, InFlightShareBuilder, RetryInFlight,
        StaticInFlightShare,
    },
    ratio::{BudgetBuilder, Core, Hold, RetryBudget, StaticRetryBudget},
    throttle::{HalfFull, HalfFullBuilder, HalfFullCore, StaticHalfFull},
};

use crate::types::Now;

/// Decides for all calls that share it whether one of them may be retried.
///
/// | | a retry may run while |
/// |---|---|
/// | [`RetryBudget`](crate::RetryBudget) | retries are a share of the calls, and a floor besides (as in Finagle) |
/// | [`HalfFull`](crate::HalfFull) | failures have not drained half a bucket (as in gRPC) |
/// | [`CostBucket`](crate::CostBucket) | there are tokens for what it costs (as in the AWS SDKs) |
/// | [`InFlightShare`](crate::InFlightShare) | retries are a share of the calls in flight (as in Envoy) |
/// | [`Unlimited`], the default | ever |
///
/// A budget sees every call begin and end, each retry from the decision to its end, and of each attempt the
/// result: once, by [`try_hold`](Self::try_hold) where a retry is wanted and nothing else forbids it, by
/// [`record`](Self::record) or [`record_retry`](Self::record_retry) otherwise. So one that learns from failures
/// can learn and decide in one step. An `Err` whose verdict is [`Done`](crate::Verdict::Done) says nothing about
/// the service, and is not told.
///
/// A budget is cloned with every call: let it be a cheap handle.
pub trait Budget {
    /// Kept from the beginning of a call to its end. `()` for a budget that counts no calls in flight.
    type Call;
    /// Leave for one retry, kept while it waits. Dropped before [`spend`](Self::spend), the retry never
    /// ran, and what it took goes back.
    type Hold;
    /// Kept while the retry runs. `()` for a budget that counts no retries in flight.
    type Retry;

    /// A call begins: once for each, not for its retries.
    ///
    /// `now` reads the clock when it is first asked: a budget that does not need the time does not pay for it.
    fn enter(&self, now: &Now) -> Self::Call;

    /// The first attempt ended, and no retry follows; `failed` unless it was an `Ok` whose verdict was
    /// [`Done`](crate::Verdict::Done).
    fn record(&self, failed: bool) {
        let _ = failed;
    }

    /// A retry ended, and no further one follows. By default the same as [`record`](Self::record), after
    /// `retry` was dropped.
    fn record_retry(&self, retry: Self::Retry, failed: bool) {
        drop(retry);
        self.record(failed);
    }

    /// An attempt failed: takes leave for a retry, check and taking in one step; `None` when there is none.
    ///
    /// If that attempt was itself a retry, its [`Retry`](Self::Retry) has been dropped.
    fn try_hold(&self, now: &Now) -> Option<Self::Hold>;

    /// [`try_hold`](Self::try_hold) for a retry whose verdict names its price,
    /// [`Verdict::RetryCosting`](crate::Verdict::RetryCosting). By default the price makes no difference.
    fn try_hold_costing(&self, now: &Now, cost: u32) -> Option<Self::Hold> {
        let _ = cost;
        self.try_hold(now)
    }

    /// How much is left, in units of its own, for those who watch; `None` where that says nothing.
    fn level(&self, now: &Now) -> Option<f64> {
        let _ = now;
        None
    }

    /// The retry starts: from here on nothing goes back.
    fn spend(&self, hold: Self::Hold) -> Self::Retry;
}

/// No budget: every retry that the policy wants may run. Zero-sized.
///
/// Then `attempts` is all that bounds the load a failing service gets: three attempts are three times
/// the load, at the worst moment. Share a [`RetryBudget`](crate::RetryBudget) where there is any traffic.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Unlimited;

impl Budget for Unlimited {
    type Call = ();
    type Hold = ();
    type Retry = ();

    fn enter(&self, _: &Now) {}

    fn try_hold(&self, _: &Now) -> Option<()> {
        Some(())
    }

    fn spend(&self, (): ()) {}
}

impl<B: Budget> Budget for &'static B {
    type Call = B::Call;
    type Hold = B::Hold;
    type Retry = B::Retry;

    fn enter(&self, now: &Now) -> B::Call {
        B::enter(self, now)
    }

    fn record(&self, failed: bool) {
        B::record(self, failed);
    }

    fn record_retry(&self, retry: B::Retry, failed: bool) {
        B::record_retry(self, retry, failed);
    }

    fn try_hold(&self, now: &Now) -> Option<B::Hold> {
        B::try_hold(self, now)
    }

    fn try_hold_costing(&self, now: &Now, cost: u32) -> Option<B::Hold> {
        B::try_hold_costing(self, now, cost)
    }

    fn level(&self, now: &Now) -> Option<f64> {
        B::level(self, now)
    }

    fn spend(&self, hold: B::Hold) -> B::Retry {
        B::spend(self, hold)
    }
}
