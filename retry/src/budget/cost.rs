use std::{borrow::Borrow, fmt, sync::Arc};

use crate::{
    budget::{
        Budget,
        tokens::{Keep, Tokens},
        watch::Watch,
    },
    builder::builder,
    observe::Listener,
    sync::{
        StaticMutex,
        atomic::{AtomicU32, Ordering::Relaxed},
        const_fn,
    },
    types::{BudgetEvent, InvalidConfig, InvalidConfigKind, Name, Now, Object},
};

/// A budget in which a retry costs tokens, depending on the kind of failure, and gives them back if it succeeds: a
/// cheap handle to tokens that all its clones share.
///
/// It is the retry quota of the AWS SDKs'
/// [standard mode](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html): a bucket of
/// 500 tokens.
///
/// - A retry takes 5, or the price in [`Verdict::RetryCosting`](crate::Verdict::RetryCosting) (theirs after a
///   timeout takes 10).
/// - It gives them back if it succeeds, if it ends with an error whose verdict is
///   [`Done`](crate::Verdict::Done), and if it never runs because its wait was cancelled.
/// - A first attempt that succeeds gives 1.
///
/// Over any history, and exactly so under threads,
///
/// ```text
/// cost of all retries that did not succeed ≤ capacity + successes of first attempts
/// ```
///
/// where a retry that ends with an error whose verdict is `Done` counts as one that succeeded.
///
/// Ordinary code writes the type as `CostBucket`. The parameter is the pointer to the shared state, an [`Arc`] unless
/// the budget lives in a `static` (see [`StaticCostBucket`]).
///
/// While the bucket is full, a success only reads it. A retry is two compare-and-swaps. Only a refusal, and a retry that is
/// granted after one, read the clock: for [`on_event`](Self::on_event).
///
/// # Examples
///
/// ```
/// use maestro_retry::{Backoff, CostBucket, RetryPolicy, Verdict};
///
/// let quota = CostBucket::builder().capacity(20).build("s3")?;
/// let policy = RetryPolicy::builder().attempts(9).backoff(Backoff::none()).build()?
///     .budget(quota.clone())
///     .classify(|result| match result {
///         Ok(()) => Verdict::Done,
///         Err("timed out") => Verdict::RetryCosting(10),
///         Err(_) => Verdict::Retry,
///     });
/// let answer = policy.run_blocking(|attempt| match attempt {
///     1 => Err("busy"),
///     2 => Err("timed out"),
///     _ => Ok(()),
/// });
/// assert!(answer.is_ok());
/// // 5 for the retry that failed; the 10 of the one that succeeded came back.
/// assert_eq!(quota.tokens(), 15);
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone)]
#[doc(alias("TokenBucket", "retry_quota"))]
pub struct CostBucket<P = Arc<CostBucketCore>>(P);

/// A [`CostBucket`] that lives in a `static`, without a reference count. Made by
/// [`CostBucketBuilder::build_static`].
///
/// A `&'static` reference to it is a [`Budget`].
pub type StaticCostBucket = CostBucket<CostBucketCore>;

/// The shared state behind a [`CostBucket`]: opaque, named only in types such as
/// [`CostHold<&'static CostBucketCore>`](CostHold).
pub struct CostBucketCore {
    watch: Watch,
    cost: AtomicU32,
    tokens: Tokens,
    /// One change at a time.
    changes: StaticMutex<()>,
}

/// Tokens taken from a [`CostBucket`] for one retry. If it is dropped before the retry runs, they go back.
// The bound stands on the struct because `Drop` needs it.
#[derive(Debug)]
#[must_use = "dropping the hold gives the tokens back"]
pub struct CostHold<P: Borrow<CostBucketCore> = Arc<CostBucketCore>> {
    /// `None` after the retry has started.
    core: Option<P>,
    cost: u32,
}

builder! {
    /// The numbers of a [`CostBucket`]. `Copy`, and usable in a `const`. The defaults are those of the AWS SDKs.
    pub struct CostBucketBuilder named "cost bucket" derive(Clone, Copy, Debug, PartialEq, Eq) {
        capacity: u32 = 500,
        cost: u32 = 5,
    }
}

// === impl CostBucket ===

impl CostBucket {
    /// The configuration, to be completed by [`CostBucketBuilder::build`] or
    /// [`CostBucketBuilder::build_static`].
    pub const fn builder() -> CostBucketBuilder {
        CostBucketBuilder(Numbers::new())
    }

    /// Takes `cost` tokens for one retry, or returns `None` if there are fewer. A cost of 0 is always granted, a cost
    /// above the capacity never. Dropping the hold gives the tokens back.
    #[must_use = "dropping the hold gives the tokens back"]
    pub fn try_take(&self, cost: u32) -> Option<CostHold> {
        CostHold::take(Arc::clone(&self.0), cost)
    }
}

impl StaticCostBucket {
    /// Takes `cost` tokens for one retry, or returns `None` if there are fewer. A cost of 0 is always granted, a cost
    /// above the capacity never. Dropping the hold gives the tokens back.
    #[must_use = "dropping the hold gives the tokens back"]
    pub fn try_take(&'static self, cost: u32) -> Option<CostHold<&'static CostBucketCore>> {
        CostHold::take(&self.0, cost)
    }
}

impl<P: Borrow<CostBucketCore>> CostBucket<P> {
    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.core().watch.name()
    }

    /// The tokens left. For display: another thread may take some at any time.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.core().tokens.left()
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

    /// Replaces the numbers while calls run. The tokens that are left stay, and those that have no room in a smaller bucket
    /// are lost. A larger bucket fills with successes.
    ///
    /// A retry that is decided meanwhile may pay the cost before.
    ///
    /// # Errors
    ///
    /// The errors of [`CostBucketBuilder::build`]; nothing has changed then.
    pub fn reconfigure(&self, to: CostBucketBuilder) -> Result<(), InvalidConfig> {
        let numbers =
            to.0.check()
                .map_err(|kind| kind.of(Object::Budget, self.name()))?;
        let core = self.core();
        let _one = core.changes.lock();
        core.cost.store(numbers.cost, Relaxed);
        core.tokens.resize(numbers.capacity, Keep::Tokens);
        Ok(())
    }

    fn core(&self) -> &CostBucketCore {
        self.0.borrow()
    }
}

impl<P: Borrow<CostBucketCore>> fmt::Debug for CostBucket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}

/// Both kinds of handle are the same budget. They differ in the pointer that a hold owns.
macro_rules! budget {
    ($handle:ty, $pointer:ty) => {
        impl Budget for $handle {
            type Call = ();
            type Hold = CostHold<$pointer>;
            /// The tokens it cost.
            type Retry = u32;

            fn enter(&self) {}

            fn record(&self, failed: bool) {
                self.core().record(1, failed);
            }

            fn record_retry(&self, cost: u32, failed: bool) {
                self.core().record(cost, failed);
            }

            fn answered(&self, cost: u32) {
                self.core().record(cost, false);
            }

            fn try_hold(&self, _: &Now) -> Option<Self::Hold> {
                self.try_take(self.core().cost.load(Relaxed))
            }

            fn try_hold_costing(&self, _: &Now, cost: u32) -> Option<Self::Hold> {
                self.try_take(cost)
            }

            #[expect(clippy::cast_precision_loss, reason = "at most 2^32: exact")]
            fn level(&self, _: &Now) -> Option<f64> {
                Some(self.tokens() as f64)
            }

            fn spend(&self, hold: Self::Hold) -> u32 {
                hold.spend()
            }
        }
    };
}

budget!(CostBucket, Arc<CostBucketCore>);
budget!(&'static StaticCostBucket, &'static CostBucketCore);

// === impl CostHold ===

impl<P: Borrow<CostBucketCore>> CostHold<P> {
    fn take(core: P, cost: u32) -> Option<Self> {
        let granted = core.borrow().tokens.take(cost);
        core.borrow().watch.decided(granted, &Now::unread());
        granted.then(|| Self {
            core: Some(core),
            cost,
        })
    }

    /// The retry starts. Returns its cost, which comes back only if it succeeds.
    fn spend(mut self) -> u32 {
        self.core = None;
        self.cost
    }
}

impl<P: Borrow<CostBucketCore>> Drop for CostHold<P> {
    fn drop(&mut self) {
        if let Some(core) = &self.core {
            core.borrow().tokens.give(self.cost);
        }
    }
}

// === impl CostBucketBuilder ===

impl CostBucketBuilder {
    /// The size of the bucket, which starts full: 1 or more. The default is 500.
    pub const fn capacity(mut self, tokens: u32) -> Self {
        self.0.capacity = tokens;
        self
    }

    /// The cost of a retry whose verdict names none: from 1 to the capacity. The default is 5.
    pub const fn cost(mut self, tokens: u32) -> Self {
        self.0.cost = tokens;
        self
    }

    /// Builds a new budget, which shares its tokens with no other.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a number is out of the range that its method names.
    pub fn build(self, name: impl Into<Name>) -> Result<CostBucket, InvalidConfig> {
        let name = name.into().as_str();
        let checked = self
            .0
            .check()
            .map_err(|kind| kind.of(Object::Budget, name))?;
        let core = CostBucketCore::new(name, checked);
        Ok(CostBucket(Arc::new(core)))
    }

    const_fn! {
        /// Builds a budget for a `static`.
        ///
        /// # Panics
        ///
        /// If [`build`](Self::build) would return an error. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_retry::{CostBucket, StaticCostBucket};
        /// static NONE: StaticCostBucket = CostBucket::builder().cost(0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticCostBucket {
            match self.0.check() {
                Ok(checked) => CostBucket(CostBucketCore::new(name, checked)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }
}

// === impl Numbers ===

impl Numbers {
    const fn check(self) -> Result<Self, InvalidConfigKind> {
        if self.cost < 1 || self.cost > self.capacity {
            return Err(InvalidConfigKind::Cost {
                cost: self.cost,
                capacity: self.capacity,
            });
        }
        Ok(self)
    }
}

// === impl CostBucketCore ===

impl CostBucketCore {
    const_fn! {
        fn new(name: &'static str, checked: Numbers) -> Self {
            Self { watch: Watch::new(name), cost: AtomicU32::new(checked.cost), tokens: Tokens::new(checked.capacity), changes: StaticMutex::new(()) }
        }
    }

    /// The last attempt of a call ended. A success brings `tokens`.
    fn record(&self, tokens: u32, failed: bool) {
        if !failed {
            self.tokens.give(tokens);
        }
    }
}

impl fmt::Debug for CostBucketCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostBucket")
            .field("name", &self.watch.name())
            .field("tokens", &self.tokens.left())
            .finish_non_exhaustive()
    }
}
