use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::tower::retry::Policy;
use pin_project::pin_project;
use tokio::time::Sleep;

use crate::{
    budget::Budget,
    policy::{self, CallState, Classify, DeadlineOf, Replay, RetryPolicy},
    types::Now,
};

/// A [`RetryPolicy`] for [`tower::retry`](::tower::retry). Made by [`RetryPolicy::into_tower`].
#[must_use = "a policy does nothing until a layer uses it"]
pub struct TowerPolicy<P = RetryPolicy, M = ()> {
    policy: P,
    /// The call that this was cloned for.
    call: CallState,
    /// A retry was decided on, so the next request to be copied is that of the call. tower asks the same method for the
    /// first copy of a request, on the service's policy, and for further ones, on the request's own.
    retrying: bool,
    errors: PhantomData<fn() -> M>,
}

/// The wait before a retry of tower's that was granted.
///
/// # Panics
///
/// [`TowerPolicy`] panics when it makes one outside a tokio runtime with time enabled, and the wait is not zero.
///
/// # Cancel safety
///
/// If it is dropped before it is ready, the retry goes back to the budget.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct TowerWait<B: Budget> {
    #[pin]
    timer: Option<Sleep>,
    /// Whether the timer is in the wheel. It enters it at the first poll, where it is pinned.
    is_started: bool,
    /// Pending once, so that a long run without waits lets other tasks run.
    give_way: bool,
    budget: B,
    /// `None` after the retry has begun.
    hold: Option<B::Hold>,
}

// === impl TowerPolicy ===

impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
    /// The policy as a [`tower::retry::Policy`](::tower::retry::Policy), which gives tower's own layer this backoff,
    /// jitter and budget. Feature `tower`.
    ///
    /// tower's layer differs from [`RetryLayer`](crate::RetryLayer):
    ///
    /// - Neither a budget nor a listener hears of an attempt after which no retry can follow.
    /// - [`wait_for_ready`](crate::Builder::wait_for_ready) has no effect.
    /// - If the service becomes ready for a retry only after the deadline, the attempt is made late, because tower's
    ///   layer has dropped the result.
    /// - It has no place for what is kept during a call or a retry. So budgets that count those
    ///   ([`CostBucket`](crate::CostBucket), [`InFlightShare`](crate::InFlightShare)) are refused by the compiler.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
    /// use maestro_retry::{RetryBudget, RetryPolicy};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let policy = RetryPolicy::builder().attempts(4).build()?.budget(RetryBudget::new("api"));
    /// let api = service_fn(async |name: &'static str| Ok::<_, &str>(name.len()));
    /// let service = ServiceBuilder::new().retry(policy.into_tower()).service(api);
    /// assert_eq!(service.oneshot("request").await, Ok(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_tower<M>(self) -> TowerPolicy<Self, M> {
        TowerPolicy {
            policy: self,
            call: CallState::new(None, None),
            retrying: false,
            errors: PhantomData,
        }
    }
}

impl<V, Q, D, B, Req, Res, Err, M> Policy<Req, Res, Err> for TowerPolicy<RetryPolicy<V, Q, D, B>, M>
where
    V: Classify<Req, Res, Err, M>,
    Q: Replay<Req>,
    D: DeadlineOf<Req>,
    B: Budget<Call = (), Retry = ()> + Clone,
{
    type Future = TowerWait<B>;

    fn retry(&mut self, req: &mut Req, result: &mut Result<Res, Err>) -> Option<TowerWait<B>> {
        let engine = self.policy.engine();
        let retry = (self.call.attempt() > 1).then_some(());
        // tower asks only if it has a copy to send, so the request is repeatable.
        let now = Now::unread();
        let again = engine.after(&mut self.call, Some(req), true, retry, &now, result)?;
        self.retrying = true;
        Some(TowerWait {
            timer: (!again.wait.is_zero()).then(|| policy::timer(again.wait, &now)),
            is_started: false,
            give_way: again.wait.is_zero() && policy::is_long_run(self.call.attempt()),
            budget: engine.budget().clone(),
            hold: Some(again.hold),
        })
    }

    fn clone_request(&mut self, req: &Req) -> Option<Req> {
        if self.retrying {
            self.retrying = false;
            self.call.advance();
            return self.policy.engine().copy(&self.call, req);
        }
        let (call, (), copy) = self.policy.begin(self.policy.engine(), V::TIMED, req);
        self.call = call;
        copy
    }
}

// Not derived, as for the layer.
impl<P: Clone, M> Clone for TowerPolicy<P, M> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            call: self.call.clone(),
            retrying: self.retrying,
            errors: PhantomData,
        }
    }
}

impl<P: fmt::Debug, M> fmt::Debug for TowerPolicy<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TowerPolicy").field(&self.policy).finish()
    }
}

// === impl TowerWait ===

impl<B: Budget> Future for TowerWait<B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(mut timer) = this.timer.as_pin_mut() {
            if !std::mem::replace(this.is_started, true) {
                policy::start(timer.as_mut());
            }
            ready!(policy::poll_timer(timer, cx));
        }
        if std::mem::take(this.give_way) {
            return policy::give_way(cx);
        }
        if let Some(hold) = this.hold.take() {
            this.budget.spend(hold);
        }
        Poll::Ready(())
    }
}

impl<B: Budget> fmt::Debug for TowerWait<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerWait")
            .field("timer", &self.timer)
            .finish_non_exhaustive()
    }
}
