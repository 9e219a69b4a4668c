use std::{sync::Arc, time::Duration};

use crate::{
    Adaptive, AdaptiveBulkhead, AdaptiveBulkheads, Bulkhead, Bulkheads, Core, Fixed, InvalidConfig,
    Limit, StaticBulkhead, sync::const_fn,
};

/// The numbers of a bulkhead. `Copy`, and usable in a `const`.
///
/// Made by [`Bulkhead::builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
pub struct Builder {
    pub(crate) limit: usize,
    pub(crate) max_queued: usize,
    pub(crate) metrics_only: bool,
    pub(crate) count_rejections: bool,
    pub(crate) window: Duration,
}

/// Twice the connections of a usual client pool (tokio-postgres pools, hyper per host): high enough to
/// stay out of the way, low enough that a hung dependency holds tens of calls, not thousands.
const DEFAULT_LIMIT: usize = 64;

/// Room for a burst of tasks; a queue as long as that, in front of tens of places, is already a sign of trouble.
const DEFAULT_MAX_QUEUED: usize = 1_024;

/// As in Netflix's `WindowedLimit`: long enough for a mean, short enough to act within seconds.
const DEFAULT_WINDOW: Duration = Duration::from_secs(1);

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            max_queued: DEFAULT_MAX_QUEUED,
            metrics_only: false,
            count_rejections: false,
            window: DEFAULT_WINDOW,
        }
    }

    /// How many calls may be in flight at once: 1 or more, `usize::MAX` included. The default is 64.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// How many may wait in [`acquire`](Bulkhead::acquire) at once: 0 or more. The default is 1,024.
    ///
    /// A [`QueueLayer`](crate::QueueLayer) brings a bound of its own.
    pub const fn max_queued(mut self, callers: usize) -> Self {
        self.max_queued = callers;
        self
    }

    /// Refuses nothing and lets nobody wait: it only counts, in [`rejections`](Bulkhead::rejections), the
    /// calls that would have found no room. For trying a limit on real traffic. A queue in front of it refuses nothing
    /// either, but counts calls whose deadline is too near, or for which the inner service is not ready in time.
    pub const fn metrics_only(mut self, only: bool) -> Self {
        self.metrics_only = only;
        self
    }

    /// Counts refused calls in [`rejections`](Bulkhead::rejections).
    ///
    /// Off by default, because a refusal then only reads: callers who are turned away in great numbers
    /// write to nothing that those inside, or other cores, need.
    pub const fn count_rejections(mut self, count: bool) -> Self {
        self.count_rejections = count;
        self
    }

    /// How long an adaptive limit looks before it changes anything. The default is one second.
    ///
    /// A window is never shorter than twice the mean latency in the one before, so that the calls of one change have
    /// come back before the next, and lasts until ten calls succeeded or one met an overload. A fixed limit has no use for it.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Builds a bulkhead of its own, which shares places with no other.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0.
    pub fn build(self, name: &'static str) -> Result<Bulkhead, InvalidConfig> {
        match self.problem() {
            Some(problem) => Err(problem),
            None => Ok(Bulkhead(Arc::new(Core::new(name, self, Fixed)))),
        }
    }

    /// Builds a bulkhead whose limit finds itself: it begins with [`limit`](Self::limit) and then follows `law`.
    ///
    /// Its permits read the clock, once when they begin and once when they say how the call went.
    /// Say by [`overload_if`](crate::BulkheadLayer::overload_if) which results are overload, and put a
    /// timeout *inside* the bulkhead: a call that is dropped from outside says nothing.
    ///
    /// # Errors
    ///
    /// What [`build`](Self::build) refuses, and what `law` finds wrong with itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Full};
    ///
    /// let pool = Bulkhead::builder().limit(20).build_adaptive("search", Aimd::new())?;
    /// let layer = BulkheadLayer::new(pool.clone()).overload_if(|r: &Result<u16, Full>| matches!(r, Ok(503)));
    /// # use tower::{Layer, service_fn};
    /// # let _ = layer.layer(service_fn(async |()| Ok::<_, Full>(200)));
    /// assert_eq!(pool.limit(), 20);
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn build_adaptive<L: Limit>(
        self,
        name: &'static str,
        law: L,
    ) -> Result<AdaptiveBulkhead<L>, InvalidConfig> {
        if let Some(problem) = self.problem() {
            return Err(problem);
        }
        law.check()?;
        let regulator = Adaptive::new(law, self.window);
        Ok(Bulkhead(Arc::new(Core::new(name, self, regulator))))
    }

    /// Builds a family: a bulkhead of this configuration for each key, and at most `capacity` of them.
    ///
    /// # Errors
    ///
    /// What [`build`](Self::build) refuses, and a capacity of 0.
    pub fn build_family<K>(
        self,
        name: &'static str,
        capacity: usize,
    ) -> Result<Bulkheads<K>, InvalidConfig> {
        Bulkheads::new(name, self, capacity, Box::new(|_| Fixed))
    }

    /// Builds a family each of whose bulkheads finds its own limit by a copy of `law`.
    ///
    /// A tenant whose calls are slow or refused comes down, and no other with it. A key that is new, or comes again
    /// after it was evicted, begins with [`limit`](Self::limit) and knows nothing. For few and busy keys (hosts,
    /// routes): where a key sees less than ten calls in a [`window`](Self::window), little is learnt of it.
    ///
    /// # Errors
    ///
    /// What [`build_adaptive`](Self::build_adaptive) refuses, and a capacity of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Full};
    ///
    /// struct Request { host: &'static str }
    ///
    /// let hosts = Bulkhead::builder().limit(20).build_adaptive_family("hosts", 100, Aimd::new().max(80))?;
    /// let layer = BulkheadLayer::new(hosts.by(|request: &Request| request.host))
    ///     .overload_if(|r: &Result<u16, Full>| matches!(r, Ok(503)));
    /// # use tower::{Layer, service_fn};
    /// # let _ = layer.layer(service_fn(async |_: Request| Ok::<_, Full>(200)));
    /// assert_eq!(hosts.get(&"a.example").limit(), 20);
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn build_adaptive_family<K, L: Limit + Clone>(
        self,
        name: &'static str,
        capacity: usize,
        law: L,
    ) -> Result<AdaptiveBulkheads<K, L>, InvalidConfig> {
        AdaptiveBulkheads::adaptive(name, self, capacity, law)
    }

    const_fn! {
        /// Builds a bulkhead for a `static`.
        ///
        /// # Panics
        ///
        /// On what [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_bulkhead::{Bulkhead, StaticBulkhead};
        /// static NONE: StaticBulkhead = Bulkhead::builder().limit(0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticBulkhead {
            if let Some(problem) = self.problem() {
                panic!("{}", problem.message());
            }
            Bulkhead(Core::new(name, self, Fixed))
        }
    }

    pub(crate) const fn problem(self) -> Option<InvalidConfig> {
        if self.limit == 0 {
            Some(InvalidConfig::ZeroLimit)
        } else {
            None
        }
    }
}
