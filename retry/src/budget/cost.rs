use std::{borrow::Borrow, fmt, sync::Arc};

use crate::{
    budget::{Budget, tokens::Tokens},
    sync::const_fn,
    types::{InvalidConfig, Now},
};

/// A budget in which retries cost tokens, more or fewer by the kind of failure, and give them back when they
/// succeed: a cheap handle to tokens that all its clones share.
///
/// It is the retry quota of the AWS SDKs'
/// [standard mode](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html): a bucket of
/// 500 tokens; a retry takes 5 ([`Verdict::RetryCosting`](crate::Verdict::RetryCosting) says otherwise: theirs
/// after a timeout takes 10), and gives them back when it succeeds, or never ran because its wait was
/// cancelled; a call that succeeds at once gives 1. Over any history, and exactly so under threads,
///
/// ```text
/// cost of all retries that did not succeed ≤ capacity + successes at once
/// ```
///
/// In ordinary code the type is written `CostBucket`; the parameter is the pointer to the shared state, an
/// [`Arc`] unless the budget lives in a `static` (see [`StaticCostBucket`]).
///
/// It needs no clock. While the bucket is full a success only reads; a retry is two compare-and-swaps.
///
/// # Examples
///
/// ```
/// use maestro_retry::{Backoff, CostBucket, RetryPolicy, Verdict};
///
/// let quota = CostBucket::builder().capacity(20).build("s3")?;
/// let policy = RetryPolicy::builder().attempts(9).backoff(Backoff::none()).build()?
///     .budget(quota.clone())
///     .classify(|_, result| match result {
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
pub struct CostBucket<P = Arc<CostBucketCore>>(P);

/// A [`CostBucket`] that lives in a `static`: no reference count, made by [`CostBucketBuilder::build_static`].
///
/// A `&'static` reference to it is a [`Budget`].
pub type StaticCostBucket = CostBucket<CostBucketCore>;

/// The shared state behind a [`CostBucket`]: opaque, named only in types such as
/// [`CostHold<&'static CostBucketCore>`](CostHold).
pub struct CostBucketCore {
    name: &'static str,
    cost: u32,
    tokens: Tokens,
}

/// Tokens taken for one retry from a [`CostBucket`]: dropped before the retry runs, they go back.
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the hold gives the tokens back"]
pub struct CostHold<P: Borrow<CostBucketCore> = Arc<CostBucketCore>> {
    /// `None` once it is spent.
    core: Option<P>,
    cost: u32,
}

/// The numbers of a [`CostBucket`]. `Copy`, and usable in a `const`. The defaults are those of the AWS SDKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
pub struct CostBucketBuilder {
    pub(crate) capacity: u32,
    pub(crate) cost: u32,
}

// === impl CostBucket ===

impl CostBucket {
    /// The configuration, to be completed by [`CostBucketBuilder::build`] or
    /// [`CostBucketBuilder::build_static`].
    pub const fn builder() -> CostBucketBuilder {
        CostBucketBuilder {
            capacity: 500,
            cost: 5,
        }
    }

    /// Takes `cost` tokens for one retry, if there are so many: 0 always, more than the capacity never. Dropped, the
    /// hold gives them back.
    #[must_use = "dropping the hold gives the tokens back"]
    pub fn try_take(&self, cost: u32) -> Option<CostHold> {
        CostHold::take(Arc::clone(&self.0), cost)
    }
}

impl StaticCostBucket {
    /// Takes `cost` tokens for one retry, if there are so many: 0 always, more than the capacity never. Dropped, the
    /// hold gives them back.
    #[must_use = "dropping the hold gives the tokens back"]
    pub fn try_take(&'static self, cost: u32) -> Option<CostHold<&'static CostBucketCore>> {
        CostHold::take(&self.0, cost)
    }
}

impl<P: Borrow<CostBucketCore>> CostBucket<P> {
    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.core().name
    }

    /// How many tokens are left: for display, as others may take them while you look.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.core().tokens.left()
    }

    fn core(&self) -> &CostBucketCore {
        self.0.borrow()
    }
}

/// Both kinds of handle are the same budget; they differ in what a hold owns.
macro_rules! budget {
    ($handle:ty, $pointer:ty) => {
        impl Budget for $handle {
            type Call = ();
            type Hold = CostHold<$pointer>;
            /// What it cost.
            type Retry = u32;

            fn enter(&self, _: &Now) {}

            fn record(&self, failed: bool) {
                self.core().record(1, failed);
            }

            fn record_retry(&self, cost: u32, failed: bool) {
                self.core().record(cost, failed);
            }

            fn try_hold(&self, _: &Now) -> Option<Self::Hold> {
                self.try_take(self.core().cost)
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

impl<P: Borrow<CostBucketCore>> fmt::Debug for CostBucket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostBucket")
            .field("name", &self.name())
            .field("tokens", &self.tokens())
            .finish_non_exhaustive()
    }
}

// === impl CostHold ===

impl<P: Borrow<CostBucketCore>> CostHold<P> {
    fn take(core: P, cost: u32) -> Option<Self> {
        let taken = core.borrow().tokens.take(u64::from(cost));
        taken.then(|| Self {
            core: Some(core),
            cost,
        })
    }

    /// The retry starts now: what it cost, which only its success brings back.
    fn spend(mut self) -> u32 {
        self.core = None;
        self.cost
    }
}

impl<P: Borrow<CostBucketCore>> Drop for CostHold<P> {
    fn drop(&mut self) {
        if let Some(core) = &self.core {
            core.borrow().tokens.give(u64::from(self.cost));
        }
    }
}

impl<P: Borrow<CostBucketCore>> fmt::Debug for CostHold<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CostHold").field(&self.cost).finish()
    }
}

// === impl CostBucketBuilder ===

impl CostBucketBuilder {
    /// What the bucket holds, and begins with: 1 or more. The default is 500.
    pub const fn capacity(mut self, tokens: u32) -> Self {
        self.capacity = tokens;
        self
    }

    /// What a retry costs whose verdict names no cost: from 1 to the capacity. The default is 5.
    pub const fn cost(mut self, tokens: u32) -> Self {
        self.cost = tokens;
        self
    }

    /// Builds a budget of its own, which shares tokens with no other.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of the range its method names.
    pub fn build(self, name: &'static str) -> Result<CostBucket, InvalidConfig> {
        Ok(CostBucket(Arc::new(self.core(name)?)))
    }

    const_fn! {
        /// Builds a budget for a `static`.
        ///
        /// # Panics
        ///
        /// On what [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_retry::{CostBucket, StaticCostBucket};
        /// static NONE: StaticCostBucket = CostBucket::builder().cost(0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticCostBucket {
            match self.core(name) {
                Ok(core) => CostBucket(core),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }

    const_fn! {
        fn core(self, name: &'static str) -> Result<CostBucketCore, InvalidConfig> {
            if self.cost < 1 || self.cost > self.capacity {
                return Err(InvalidConfig::Cost);
            }
            let tokens = Tokens::new(self.capacity as u64);
            Ok(CostBucketCore { name, cost: self.cost, tokens })
        }
    }
}

// === impl CostBucketCore ===

impl CostBucketCore {
    /// An attempt ended that no retry follows: what it brings if it did well.
    fn record(&self, brings: u32, failed: bool) {
        if !failed {
            self.tokens.give(u64::from(brings));
        }
    }
}

impl fmt::Debug for CostBucketCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CostBucketCore").field(&self.name).finish()
    }
}
