use crate::Now;

/// Decides for all calls that share it whether one of them may be retried.
///
/// [`RetryBudget`](crate::RetryBudget) is one, [`Unlimited`] is the default. A budget sees every call
/// begin and end, the result of each attempt, and each retry from the decision to its end, so that one
/// that counts what is in flight can be written too.
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

    /// An attempt ended; `failed` unless its verdict was [`Done`](crate::Verdict::Done).
    fn record(&self, failed: bool) {
        let _ = failed;
    }

    /// Takes leave for one retry, check and taking in one step; `None` when there is none.
    fn try_hold(&self, now: &Now) -> Option<Self::Hold>;

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

    fn try_hold(&self, now: &Now) -> Option<B::Hold> {
        B::try_hold(self, now)
    }

    fn spend(&self, hold: B::Hold) -> B::Retry {
        B::spend(self, hold)
    }
}
