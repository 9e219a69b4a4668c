use std::{borrow::Borrow, fmt, sync::Arc};

use crate::{
    budget::{
        Budget,
        flight::{Flight, Limit},
        watch::Watch,
    },
    builder::builder,
    observe::Listener,
    sync::const_fn,
    types::{BudgetEvent, InvalidConfig, InvalidConfigKind, Name, Now, Object},
};

/// A budget in which only a share of the calls in flight may be retries: a cheap handle to counts that all its
/// clones share.
///
/// It is the retry budget of Envoy's
/// [circuit breakers](https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto).
/// A retry is counted from the decision to its end, its wait included, and a call from its beginning to its end.
/// Whenever a retry begins, and exactly so under threads,
///
/// ```text
/// retries in flight ≤ max(minimum, share × calls in flight)
/// ```
///
/// It has no history: it bounds the work that a dependency has at one time, and not the number of retries in total. A call
/// costs an increment and a decrement of a shared word, and two of the handle's reference count unless it lives in a
/// `static` (see [`StaticInFlightShare`]). Only a refusal, and a retry that is granted after one, read the clock: for
/// [`on_event`](Self::on_event).
///
/// # Examples
///
/// ```
/// use maestro_retry::{InFlightShare, RetryPolicy};
///
/// let budget = InFlightShare::builder().share(0.25).minimum(1).build("search")?;
/// let policy = RetryPolicy::builder().build()?.budget(budget.clone());
/// assert_eq!((budget.calls(), budget.retries()), (0, 0));
/// # let _ = policy;
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone)]
#[doc(alias("retry_budget"))]
pub struct InFlightShare<P = Arc<InFlightCore>>(P);

/// An [`InFlightShare`] that lives in a `static`, without a reference count. Made by
/// [`InFlightShareBuilder::build_static`].
///
/// A `&'static` reference to it is a [`Budget`].
pub type StaticInFlightShare = InFlightShare<InFlightCore>;

/// The shared state behind an [`InFlightShare`]: opaque, named only in types such as
/// [`CallInFlight<&'static InFlightCore>`](CallInFlight).
pub struct InFlightCore {
    watch: Watch,
    flight: Flight,
}

/// A call in flight, as an [`InFlightShare`] counts it. It ends when this is dropped.
// The bound stands on the struct because `Drop` needs it.
#[derive(Debug)]
#[must_use = "dropping it ends the call"]
pub struct CallInFlight<P: Borrow<InFlightCore> = Arc<InFlightCore>>(P);

/// A retry in flight, as an [`InFlightShare`] counts it. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the retry"]
pub struct RetryInFlight<P: Borrow<InFlightCore> = Arc<InFlightCore>>(P);

builder! {
    /// The numbers of an [`InFlightShare`]. `Copy`, and usable in a `const`. The defaults are Envoy's.
    pub struct InFlightShareBuilder named "share in flight" derive(Clone, Copy, Debug, PartialEq) {
        share: f64 = 0.2,
        minimum: u32 = 3,
    }
}

// === impl InFlightShare ===

impl InFlightShare {
    /// The configuration, to be completed by [`InFlightShareBuilder::build`]
    /// or [`InFlightShareBuilder::build_static`].
    pub const fn builder() -> InFlightShareBuilder {
        InFlightShareBuilder(Numbers::new())
    }

    /// Counts a call.
    pub fn begin(&self) -> CallInFlight {
        CallInFlight::begin(Arc::clone(&self.0))
    }

    /// Counts a retry, if the share allows another one.
    #[must_use = "dropping it ends the retry"]
    pub fn try_retry(&self) -> Option<RetryInFlight> {
        self.0
            .retry_begins()
            .then(|| RetryInFlight(Arc::clone(&self.0)))
    }
}

impl StaticInFlightShare {
    /// Counts a call.
    pub fn begin(&'static self) -> CallInFlight<&'static InFlightCore> {
        CallInFlight::begin(&self.0)
    }

    /// Counts a retry, if the share allows another one.
    #[must_use = "dropping it ends the retry"]
    pub fn try_retry(&'static self) -> Option<RetryInFlight<&'static InFlightCore>> {
        self.0.retry_begins().then(|| RetryInFlight(&self.0))
    }
}

impl<P: Borrow<InFlightCore>> InFlightShare<P> {
    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.core().watch.name()
    }

    /// The calls in flight.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.core().flight.counts().calls
    }

    /// The retries in flight, those that still wait included.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.core().flight.counts().retries
    }

    /// Tells `f` when the budget begins to refuse retries, and when it grants them again after ten seconds without a refusal,
    /// for as long as the listener is kept.
    ///
    /// The events arrive in order, in the task of the call that was refused or granted a retry, which waits for `f`. No
    /// listener costs a call anything that needs no retry. With the feature `tracing` the same events are logged, as a warning
    /// and for information. If `f` panics, the call continues.
    pub fn on_event(&self, f: impl Fn(&BudgetEvent) + Send + Sync + 'static) -> Listener {
        self.core().watch.listen(f)
    }

    /// Replaces the numbers while calls run. The counts stay, and retries in flight are not ended: after a lower share none
    /// begins until there are fewer.
    ///
    /// # Errors
    ///
    /// The errors of [`InFlightShareBuilder::build`]; nothing has changed then.
    pub fn reconfigure(&self, to: InFlightShareBuilder) -> Result<(), InvalidConfig> {
        let checked = to.0.check();
        let limit = checked.map_err(|kind| kind.of(Object::Budget, self.name()))?;
        self.core().flight.set_limit(limit);
        Ok(())
    }

    fn core(&self) -> &InFlightCore {
        self.0.borrow()
    }
}

impl<P: Borrow<InFlightCore>> fmt::Debug for InFlightShare<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}

/// Both kinds of handle are the same budget. They differ in the pointer that a token owns.
macro_rules! budget {
    ($handle:ty, $pointer:ty) => {
        impl Budget for $handle {
            type Call = CallInFlight<$pointer>;
            type Hold = RetryInFlight<$pointer>;
            type Retry = RetryInFlight<$pointer>;

            fn enter(&self) -> Self::Call {
                self.begin()
            }

            fn try_hold(&self, _: &Now) -> Option<Self::Hold> {
                self.try_retry()
            }

            #[expect(clippy::cast_precision_loss, reason = "below 2^32: exact")]
            fn level(&self, _: &Now) -> Option<f64> {
                Some(self.core().left() as f64)
            }

            fn spend(&self, hold: Self::Hold) -> Self::Retry {
                hold
            }
        }
    };
}

budget!(InFlightShare, Arc<InFlightCore>);
budget!(&'static StaticInFlightShare, &'static InFlightCore);

// === impl CallInFlight ===

impl<P: Borrow<InFlightCore>> CallInFlight<P> {
    fn begin(core: P) -> Self {
        core.borrow().flight.call_begins();
        Self(core)
    }
}

impl<P: Borrow<InFlightCore>> Drop for CallInFlight<P> {
    fn drop(&mut self) {
        self.0.borrow().flight.call_ends();
    }
}

// === impl RetryInFlight ===

impl<P: Borrow<InFlightCore>> Drop for RetryInFlight<P> {
    fn drop(&mut self) {
        self.0.borrow().flight.retry_ends();
    }
}

// === impl InFlightShareBuilder ===

impl InFlightShareBuilder {
    /// The share of the calls in flight that may be retries: from 0 to 1, rounded to a ten-thousandth. The default
    /// is 0.2.
    #[doc(alias("budget_percent"))]
    pub const fn share(mut self, share: f64) -> Self {
        self.0.share = share;
        self
    }

    /// The number of retries in flight that are always allowed, for a client with little traffic. The default is 3,
    /// and 0 is legal.
    #[doc(alias("min_retry_concurrency"))]
    pub const fn minimum(mut self, retries: u32) -> Self {
        self.0.minimum = retries;
        self
    }

    /// Builds a new budget, which shares its counts with no other.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if the share is not from 0 to 1.
    pub fn build(self, name: impl Into<Name>) -> Result<InFlightShare, InvalidConfig> {
        let name = name.into().as_str();
        let checked = self
            .0
            .check()
            .map_err(|kind| kind.of(Object::Budget, name))?;
        let core = InFlightCore::new(name, checked);
        Ok(InFlightShare(Arc::new(core)))
    }

    const_fn! {
        /// Builds a budget for a `static`.
        ///
        /// # Panics
        ///
        /// If [`build`](Self::build) would return an error. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_retry::{InFlightShare, StaticInFlightShare};
        /// static NONE: StaticInFlightShare = InFlightShare::builder().share(1.5).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticInFlightShare {
            match self.0.check() {
                Ok(limit) => InFlightShare(InFlightCore::new(name, limit)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }
}

// === impl Numbers ===

impl Numbers {
    const fn check(self) -> Result<Limit, InvalidConfigKind> {
        // Written so that NaN is refused.
        if !(self.share >= 0.0 && self.share <= 1.0) {
            return Err(InvalidConfigKind::Share(self.share));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be from 0 to 1"
        )]
        // `round` is not const in Rust 1.85.
        let share = (self.share * 10_000.0 + 0.5) as u32;
        Ok(Limit {
            share,
            least: self.minimum,
        })
    }
}

// === impl InFlightCore ===

impl InFlightCore {
    const_fn! {
        fn new(name: &'static str, limit: Limit) -> Self {
            Self { watch: Watch::new(name), flight: Flight::new(limit) }
        }
    }

    fn retry_begins(&self) -> bool {
        let granted = self.flight.retry_begins();
        self.watch.decided(granted, &Now::unread());
        granted
    }

    fn left(&self) -> u64 {
        self.flight.limit().left(self.flight.counts())
    }
}

impl fmt::Debug for InFlightCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.flight.counts();
        f.debug_struct("InFlightShare")
            .field("name", &self.watch.name())
            .field("calls", &counts.calls)
            .field("retries", &counts.retries)
            .finish_non_exhaustive()
    }
}
