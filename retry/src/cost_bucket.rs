use std::{fmt, sync::Arc};

use crate::{Budget, InvalidConfig, Now, tokens::Tokens};

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
pub struct CostBucket(Arc<Shared>);

struct Shared {
    name: &'static str,
    cost: u32,
    tokens: Tokens,
}

/// Tokens taken for one retry from a [`CostBucket`]: dropped before the retry runs, they go back.
#[must_use = "dropping the hold gives the tokens back"]
pub struct CostHold {
    /// `None` once it is spent.
    bucket: Option<CostBucket>,
    cost: u32,
}

/// The numbers of a [`CostBucket`]. `Copy`, and usable in a `const`. The defaults are those of the AWS SDKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct CostBucketBuilder {
    pub(crate) capacity: u32,
    pub(crate) cost: u32,
}

// === impl CostBucket ===

impl CostBucket {
    /// The configuration, to be completed by [`CostBucketBuilder::build`].
    pub const fn builder() -> CostBucketBuilder {
        CostBucketBuilder {
            capacity: 500,
            cost: 5,
        }
    }

    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many tokens are left: for display, as others may take them while you look.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.0.tokens.left()
    }

    /// Takes `cost` tokens for one retry, if there are so many. Dropped, the hold gives them back.
    #[must_use = "dropping the hold gives the tokens back"]
    pub fn try_take(&self, cost: u32) -> Option<CostHold> {
        self.0.tokens.take(u64::from(cost)).then(|| CostHold {
            bucket: Some(self.clone()),
            cost,
        })
    }
}

impl Budget for CostBucket {
    type Call = ();
    type Hold = CostHold;
    /// What it cost.
    type Retry = u32;

    fn enter(&self, _: &Now) {}

    fn record(&self, failed: bool) {
        if !failed {
            self.0.tokens.give(1);
        }
    }

    fn record_retry(&self, cost: u32, failed: bool) {
        if !failed {
            self.0.tokens.give(u64::from(cost));
        }
    }

    fn try_hold(&self, _: &Now) -> Option<CostHold> {
        self.try_take(self.0.cost)
    }

    fn try_hold_costing(&self, _: &Now, cost: u32) -> Option<CostHold> {
        self.try_take(cost)
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 2^32: exact")]
    fn level(&self, _: &Now) -> Option<f64> {
        Some(self.tokens() as f64)
    }

    fn spend(&self, mut hold: CostHold) -> u32 {
        hold.bucket = None;
        hold.cost
    }
}

impl fmt::Debug for CostBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostBucket")
            .field("name", &self.0.name)
            .field("tokens", &self.tokens())
            .finish_non_exhaustive()
    }
}

// === impl CostHold ===

impl Drop for CostHold {
    fn drop(&mut self) {
        if let Some(bucket) = &self.bucket {
            bucket.0.tokens.give(u64::from(self.cost));
        }
    }
}

impl fmt::Debug for CostHold {
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
        if !(1..=self.capacity).contains(&self.cost) {
            return Err(InvalidConfig::Cost);
        }
        Ok(CostBucket(Arc::new(Shared {
            name,
            cost: self.cost,
            tokens: Tokens::new(u64::from(self.capacity)),
        })))
    }
}
