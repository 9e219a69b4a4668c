//! Hedging: a second attempt while the first one runs, beneath the retry service, so that it draws on the same budget.
//!
//! - `pace` has the live delay and the credit, in one atomic word. [`Hedge`] is its handle.
//! - [`HedgeLayer`] puts `service` beneath a [`RetryService`]; `future` runs the two attempts. `plan` decides whether there
//!   is a second one, and `token` says how it ended.
//!
//! # Alternatives
//!
//! - Hedging above the retry service: each of the two calls would pay into the budget, and be retried.
//! - A layer with a second budget: retries and hedges together would have no bound.
//! - The hedge in the retry service's own future: it would know the number of the attempt, but every call would pay for
//!   the size of the state.

mod future;
mod handle;
#[cfg(all(test, loom))]
mod models;
mod pace;
mod plan;
mod service;
#[cfg(all(test, not(loom)))]
mod tests;
mod token;

use std::{borrow::Borrow, fmt};

use tower_layer::Layer;

pub use self::{
    future::HedgedResponse,
    handle::{Hedge, HedgeBuilder},
    service::HedgeService,
};
use crate::{
    layer::{RetryLayer, RetryService, Source},
    policy::RetryPolicy,
};

/// Tries the calls of a service again as a [`RetryPolicy`] says, and hedges each attempt that is slow. Made by
/// [`RetryLayer::hedge`].
pub struct HedgeLayer<P = RetryPolicy, H = Hedge, W = fn() -> bool, M = ()> {
    retry: RetryLayer<P, M>,
    hedge: H,
    only_while: W,
}

impl<P: Source, M> RetryLayer<P, M> {
    /// Hedges each attempt that has no answer after the delay of `hedge`: the request is sent a second time, and the first
    /// answer counts. A policy with one attempt hedges without retrying.
    ///
    /// `hedge` is a [`Hedge`], or a `&'static` reference to one.
    ///
    /// - Only requests that the policy [copies](RetryPolicy::replay) are hedged, so only those that may be executed twice.
    /// - A hedge needs credit of `hedge`, and the policy's budget must grant it as it does a retry.
    /// - The first result that the policy neither retries nor ignores is the answer, and the other attempt is dropped
    ///   before that. After a failed attempt the other one decides. The retry service sees one result, and the budget
    ///   one success or failure.
    /// - The classifier is asked as for the first attempt of a call, in which no request is left to send.
    /// - No hedge begins after the policy's [`deadline`](RetryPolicy::deadline) or
    ///   [`max_elapsed`](crate::Builder::max_elapsed), which is counted from the attempt here.
    /// - There is no hedge if a clone of the service is not ready at once when the delay is over.
    ///
    /// # Panics
    ///
    /// A call panics outside a tokio runtime with time enabled, if the service does not answer at the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of a call drops both attempts. Nothing runs in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::atomic::{AtomicU32, Ordering::Relaxed}, time::Duration};
    /// use maestro_retry::{Hedge, RetryLayer, RetryPolicy};
    /// use tokio::time::{Instant, sleep};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
    /// let ms = Duration::from_millis;
    /// let hedge = Hedge::after(ms(50)).share(0.1).build()?;
    /// let layer = RetryLayer::new(RetryPolicy::builder().build()?).hedge(hedge.clone());
    ///
    /// static SENT: AtomicU32 = AtomicU32::new(0);
    /// // The eleventh request hits a pause of a second.
    /// let mut api = layer.layer(service_fn(async |key: u32| {
    ///     sleep(if SENT.fetch_add(1, Relaxed) == 10 { ms(1_000) } else { ms(5) }).await;
    ///     Ok::<_, String>(key)
    /// }));
    /// for key in 0..10 {
    ///     assert_eq!(api.call(key).await, Ok(key));
    /// }
    /// assert_eq!(hedge.credit(), 1); // ten fast calls have paid for one hedge
    ///
    /// let start = Instant::now();
    /// assert_eq!(api.call(10).await, Ok(10));
    /// assert_eq!(start.elapsed(), ms(55));
    /// assert_eq!((SENT.load(Relaxed), hedge.credit()), (12, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("hedging", "MaxHedgedAttempts"))]
    pub fn hedge<H: Borrow<Hedge> + Clone>(self, hedge: H) -> HedgeLayer<P, H, fn() -> bool, M> {
        HedgeLayer {
            retry: self,
            hedge,
            only_while: || true,
        }
    }
}

impl<P: Source, H, W, M> HedgeLayer<P, H, W, M> {
    /// Hedges only while `f` returns true. It is asked when the delay of an attempt is over.
    ///
    /// A hedge helps against bad luck, such as a pause of one replica, and makes it worse where the service as a whole is
    /// the cause. What knows that is not part of this crate: the state of a circuit breaker, the gate of an error budget,
    /// the utilisation of a bulkhead. A second `only_while` replaces the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::atomic::{AtomicBool, Ordering::Relaxed}, time::Duration};
    /// use maestro_retry::{Hedge, RetryLayer, RetryPolicy};
    ///
    /// static IS_HEALTHY: AtomicBool = AtomicBool::new(true);
    /// let hedge = Hedge::after(Duration::from_millis(50)).build()?;
    /// let layer = RetryLayer::new(RetryPolicy::builder().build()?)
    ///     .hedge(hedge)
    ///     .only_while(|| IS_HEALTHY.load(Relaxed));
    /// # let service = tower::Layer::layer(&layer, tower::service_fn(async |_: u8| Ok::<_, String>(1)));
    /// # let _ = tower::util::Oneshot::new(service, 7);
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn only_while<F: Fn() -> bool + Clone>(self, f: F) -> HedgeLayer<P, H, F, M> {
        HedgeLayer {
            retry: self.retry,
            hedge: self.hedge,
            only_while: f,
        }
    }
}

#[cfg(feature = "http")]
impl<P, H, W, M> HedgeLayer<P, H, W, M> {
    pub(crate) const fn retry(&self) -> &RetryLayer<P, M> {
        &self.retry
    }
}

impl<S, P: Source + Clone, H: Clone, W: Clone, M> Layer<S> for HedgeLayer<P, H, W, M> {
    type Service = RetryService<HedgeService<S, P, H, W, M>, P, M>;

    fn layer(&self, inner: S) -> Self::Service {
        let policy = self.retry.policy().clone();
        let hedged = HedgeService::new(inner, policy, self.hedge.clone(), self.only_while.clone());
        self.retry.layer(hedged)
    }
}

// Not derived: that would ask for `M: Clone`.
impl<P: Clone, H: Clone, W: Clone, M> Clone for HedgeLayer<P, H, W, M> {
    fn clone(&self) -> Self {
        Self {
            retry: self.retry.clone(),
            hedge: self.hedge.clone(),
            only_while: self.only_while.clone(),
        }
    }
}

impl<P: fmt::Debug, H: fmt::Debug, W, M> fmt::Debug for HedgeLayer<P, H, W, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeLayer")
            .field("retry", &self.retry)
            .field("hedge", &self.hedge)
            .finish_non_exhaustive()
    }
}
