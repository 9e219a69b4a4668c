//! What bounds the retries of all calls to a dependency.
//!
//! Each kind of budget has a file. A handle, its shared state, its tokens and its builder stand together, and only
//! the [`Budget`] trait leaves the room:
//!
//! | | handle | atomics |
//! |---|---|---|
//! | a share of the calls | `ratio` | `ratio/ledger` |
//! | a bucket that failures drain | `throttle` | `tokens`, `floor` |
//! | a bucket that retries pay from | `cost` | `tokens` |
//! | a share of the calls in flight | `in_flight` | `flight` |

mod cost;
#[cfg(feature = "family")]
mod family;
mod flight;
mod floor;
mod in_flight;
#[cfg(all(test, loom))]
mod models;
mod ratio;
mod source;
#[cfg(all(test, not(loom)))]
mod tests;
mod throttle;
mod tokens;
mod watch;

use crate::types::Now;

#[cfg(feature = "family")]
pub use self::family::{By, RetryBudgets};
pub use self::{
    cost::{CostBucket, CostBucketBuilder, CostBucketCore, CostHold, StaticCostBucket},
    in_flight::{
        CallInFlight, InFlightCore, InFlightShare, InFlightShareBuilder, RetryInFlight,
        StaticInFlightShare,
    },
    ratio::{BudgetBuilder, Core, Hold, RetryBudget, StaticRetryBudget},
    source::BudgetSource,
    throttle::{HalfFull, HalfFullBuilder, HalfFullCore, StaticHalfFull},
};

/// Decides for all calls that share it whether one of them may be retried.
///
/// | | a retry may run while |
/// |---|---|
/// | [`RetryBudget`](crate::RetryBudget) | retries are at most a share of the calls plus a floor (as in Finagle) |
/// | [`HalfFull`](crate::HalfFull), the default | failures have not drained half a bucket (as in gRPC) |
/// | [`CostBucket`](crate::CostBucket) | the bucket holds the tokens it costs (as in the AWS SDKs) |
/// | [`InFlightShare`](crate::InFlightShare) | retries are a share of the calls in flight (as in Envoy) |
/// | [`Unlimited`] | the policy allows it |
///
/// A budget sees the beginning and the end of each call, and each retry from the decision to its end. It is told by
/// [`reached`](Self::reached) that a call has reached the service. Then it hears of each attempt once:
///
/// - by [`try_hold`](Self::try_hold) if a retry is wanted and nothing else forbids it,
/// - by [`record`](Self::record) or [`record_retry`](Self::record_retry) otherwise.
///
/// So a budget that learns from failures learns and decides in one step. With two steps, two failures at once would
/// both take a token and then both look at what is left, and a failure whose token an empty bucket did not have
/// could be granted a retry later.
///
/// There are two exceptions, so that neither fills a bucket in the middle of an outage. No budget is told of a result
/// whose verdict is [`Ignored`](crate::Verdict::Ignored): it is a rejection, and the call has not reached the service. Of
/// an `Err` whose verdict is [`Done`](crate::Verdict::Done) it is told only by [`answered`](Self::answered), and only if
/// the attempt was a retry.
///
/// A share of the calls needs only [`Hold`](Self::Hold). A budget over calls in flight needs all three types, because the
/// wait counts.
///
/// A budget is cloned with every call, so it should be a cheap handle.
pub trait Budget {
    /// Kept from the beginning of a call to its end. `()` for a budget that does not count calls in flight.
    type Call;
    /// The right to one retry, kept during the wait. If it is dropped before [`spend`](Self::spend), the retry
    /// never ran and the budget takes back what it granted.
    type Hold;
    /// Kept while the retry runs. `()` for a budget that does not count retries in flight.
    type Retry;

    /// A call begins. Retries are not calls.
    fn enter(&self) -> Self::Call;

    /// The first attempt of a call has ended with a result of the service: its verdict is not
    /// [`Ignored`](crate::Verdict::Ignored). Told once a call, before all that follows. Calls pay in here, so that those
    /// that an open circuit or a full bulkhead rejects do not pay for retries.
    ///
    /// `now` reads the clock when it is first asked. A budget that does not need the time does not pay for it.
    fn reached(&self, now: &Now) {
        let _ = now;
    }

    /// The first attempt ended, and no retry follows. `failed` is false only for an `Ok` whose verdict was
    /// [`Done`](crate::Verdict::Done).
    fn record(&self, failed: bool) {
        let _ = failed;
    }

    /// A retry ended, and no further one follows. By default this drops `retry` and calls [`record`](Self::record).
    fn record_retry(&self, retry: Self::Retry, failed: bool) {
        drop(retry);
        self.record(failed);
    }

    /// A retry ended with an `Err` whose verdict was [`Done`](crate::Verdict::Done): the service did its work. A budget
    /// whose retries have a price gives it back. By default this drops `retry`.
    fn answered(&self, retry: Self::Retry) {
        drop(retry);
    }

    /// An attempt failed: grants a retry, or returns `None`. Check and grant are one step.
    ///
    /// If that attempt was itself a retry, its [`Retry`](Self::Retry) has been dropped.
    fn try_hold(&self, now: &Now) -> Option<Self::Hold>;

    /// [`try_hold`](Self::try_hold) for a retry whose verdict names its price,
    /// [`Verdict::RetryCosting`](crate::Verdict::RetryCosting). By default the price is ignored.
    fn try_hold_costing(&self, now: &Now, cost: u32) -> Option<Self::Hold> {
        let _ = cost;
        self.try_hold(now)
    }

    /// Grants a [hedge](crate::RetryLayer::hedge), a further attempt although none has failed, or returns `None`. What it
    /// grants counts as a retry. By default it is [`try_hold`](Self::try_hold).
    ///
    /// A budget that learns from failures by `try_hold` learns nothing here. The hedge's [`Retry`](Self::Retry) is dropped
    /// when the hedge has lost, and goes to [`answered`](Self::answered) when it has won: the result of the two attempts
    /// is told once, as that of the attempt that is hedged.
    fn try_hold_hedge(&self, now: &Now) -> Option<Self::Hold> {
        self.try_hold(now)
    }

    /// How much is left, in the budget's unit, for metrics. `None` if there is no such number.
    fn level(&self, now: &Now) -> Option<f64> {
        let _ = now;
        None
    }

    /// The retry starts. From here on nothing is given back.
    fn spend(&self, hold: Self::Hold) -> Self::Retry;
}

/// No budget: every retry that the policy wants may run. Zero-sized. Chosen by
/// [`unlimited`](crate::RetryPolicy::unlimited).
///
/// The number of attempts alone then bounds the load on a failing service: three attempts are three times the load,
/// at the worst moment.
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

    fn enter(&self) {}

    fn try_hold(&self, _: &Now) -> Option<()> {
        Some(())
    }

    fn spend(&self, (): ()) {}
}

impl<B: Budget> Budget for &'static B {
    type Call = B::Call;
    type Hold = B::Hold;
    type Retry = B::Retry;

    fn enter(&self) -> B::Call {
        B::enter(self)
    }

    fn reached(&self, now: &Now) {
        B::reached(self, now);
    }

    fn record(&self, failed: bool) {
        B::record(self, failed);
    }

    fn record_retry(&self, retry: B::Retry, failed: bool) {
        B::record_retry(self, retry, failed);
    }

    fn answered(&self, retry: B::Retry) {
        B::answered(self, retry);
    }

    fn try_hold(&self, now: &Now) -> Option<B::Hold> {
        B::try_hold(self, now)
    }

    fn try_hold_costing(&self, now: &Now, cost: u32) -> Option<B::Hold> {
        B::try_hold_costing(self, now, cost)
    }

    fn try_hold_hedge(&self, now: &Now) -> Option<B::Hold> {
        B::try_hold_hedge(self, now)
    }

    fn level(&self, now: &Now) -> Option<f64> {
        B::level(self, now)
    }

    fn spend(&self, hold: B::Hold) -> B::Retry {
        B::spend(self, hold)
    }
}
