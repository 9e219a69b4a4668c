use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use crate::{
    budget::{
        Budget,
        floor::Floor,
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

/// A budget that allows retries while its bucket is more than half full: a cheap handle to tokens that all its
/// clones share.
///
/// Every failed attempt takes a token, and every success gives `token_ratio` back, up to `max_tokens`. It is gRPC's
/// throttle, as
/// [proposal A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs)
/// describes it. It counts failures of first attempts too. So it stops retries soon after an outage begins, and allows
/// them again only after calls have succeeded. Over any history, and exactly so under threads,
///
/// ```text
/// retries ≤ max_tokens / 2 + token_ratio × successes + floor × (elapsed + 1 s)
/// ```
///
/// The floor, which A6 does not have and which is 0 by default, is a number of retries a second that are granted although
/// the bucket is not half full. It is for a client with little traffic, whose successes fill the bucket slowly: with a call
/// a minute, an empty bucket grants no retry for an hour.
///
/// A policy without another budget makes one, with the defaults and a floor of 10: see
/// [`RetryPolicy`](crate::RetryPolicy).
///
/// Ordinary code writes the type as `HalfFull`. The parameter is the pointer to the shared state, an [`Arc`] unless
/// the budget lives in a `static` (see [`StaticHalfFull`]).
///
/// A retry does not pay, so there is nothing to refund when its wait is cancelled. While the bucket is full, a
/// success only reads it. Otherwise every attempt is one compare-and-swap, and a retry by the floor a second one. The clock is
/// read only where the bucket grants no retry, and for a retry that is granted after a refusal, for
/// [`on_event`](Self::on_event).
///
/// # Examples
///
/// ```
/// use maestro_retry::{Backoff, HalfFull, RetryPolicy};
///
/// let throttle = HalfFull::builder().max_tokens(4).token_ratio(0.1).build("api")?;
/// let policy = RetryPolicy::builder().attempts(9).backoff(Backoff::none()).build()?.budget(throttle.clone());
/// // The first failure leaves three of four tokens, the second two: no more than half.
/// assert_eq!(policy.run_blocking(|attempt| Err::<(), _>(attempt)), Err(2));
/// assert_eq!(throttle.tokens(), 2.0);
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone)]
#[doc(alias("retryThrottling"))]
pub struct HalfFull<P = Arc<HalfFullCore>>(P);

/// A [`HalfFull`] that lives in a `static`, without a reference count. Made by [`HalfFullBuilder::build_static`].
///
/// A `&'static` reference to it is a [`Budget`].
pub type StaticHalfFull = HalfFull<HalfFullCore>;

/// The shared state behind a [`HalfFull`]: opaque, named only in types.
pub struct HalfFullCore {
    watch: Watch,
    /// Thousandths of a token, as A6 ignores further digits.
    per_success: AtomicU32,
    tokens: Tokens,
    floor: Floor,
    /// One change at a time.
    changes: StaticMutex<()>,
}

builder! {
    /// The numbers of a [`HalfFull`]. `Copy`, and usable in a `const`. The defaults are those of A6's example.
    pub struct HalfFullBuilder named "throttle" derive(Clone, Copy, Debug, PartialEq) {
        max_tokens: u32 = 10,
        token_ratio: f64 = 0.1,
        floor_per_second: u32 = 0,
    }
}

/// Thousandths.
const TOKEN: u32 = 1_000;

// === impl HalfFull ===

impl HalfFull {
    /// The configuration, to be completed by [`HalfFullBuilder::build`] or
    /// [`HalfFullBuilder::build_static`].
    pub const fn builder() -> HalfFullBuilder {
        HalfFullBuilder(Numbers::new())
    }

    /// The budget of a policy that was given no other.
    pub(crate) fn of_a_policy() -> Self {
        // The floor is Finagle's, as that of `RetryBudget`. It lets a client with up to five failing calls a second make
        // all three attempts of each, and adds 10 calls a second to an outage.
        let builder = Self::builder().floor_per_second(10);
        builder.build("default").expect("a legal floor")
    }
}

impl<P: Borrow<HalfFullCore>> HalfFull<P> {
    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.core().watch.name()
    }

    /// The tokens left. For display: another thread may take some at any time.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        self.core().tokens()
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

    /// Replaces the numbers while calls run. The bucket stays full to the same part, as in gRPC's C core; the proposal A6
    /// leaves it open. With the tokens of a small full bucket, a large one would grant no retry. The retries that the floor has
    /// saved up stay, up to the new floor.
    ///
    /// While the floor changes, it grants no retry.
    ///
    /// # Errors
    ///
    /// The errors of [`HalfFullBuilder::build`]; nothing has changed then.
    pub fn reconfigure(&self, to: HalfFullBuilder) -> Result<(), InvalidConfig> {
        let (most, per_success, floor) =
            to.0.check()
                .map_err(|kind| kind.of(Object::Budget, self.name()))?;
        let core = self.core();
        let _one = core.changes.lock();
        core.per_success.store(per_success, Relaxed);
        core.tokens.resize(most, Keep::Part);
        core.floor.change(floor, Instant::now());
        Ok(())
    }

    fn core(&self) -> &HalfFullCore {
        self.0.borrow()
    }
}

impl<P: Borrow<HalfFullCore>> fmt::Debug for HalfFull<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}

impl<P: Borrow<HalfFullCore>> Budget for HalfFull<P> {
    type Call = ();
    type Hold = ();
    type Retry = ();

    fn enter(&self) {}

    fn record(&self, failed: bool) {
        if failed {
            self.core().tokens.drain(TOKEN);
        } else {
            let core = self.core();
            core.tokens.give(core.per_success.load(Relaxed));
        }
    }

    fn try_hold(&self, now: &Now) -> Option<()> {
        let HalfFullCore {
            tokens,
            floor,
            watch,
            ..
        } = self.core();
        let granted = tokens.drain(TOKEN) || (!floor.is_none() && floor.take(now.get()));
        watch.decided(granted, now);
        granted.then_some(())
    }

    /// A token as a retry, but no failure: a hedge that is refused takes none, and the floor is left to retries.
    fn try_hold_hedge(&self, _: &Now) -> Option<()> {
        self.core().tokens.take_above_half(TOKEN).then_some(())
    }

    fn level(&self, _: &Now) -> Option<f64> {
        Some(self.tokens())
    }

    fn spend(&self, (): ()) {}
}

// === impl HalfFullBuilder ===

impl HalfFullBuilder {
    /// The size of the bucket, which starts full: from 1 to 1,000. The default is 10.
    #[doc(alias("maxTokens"))]
    pub const fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.0.max_tokens = max_tokens;
        self
    }

    /// The tokens that a success gives back: from 0.001 to 1,000, cut to three digits. The default is 0.1.
    #[doc(alias("tokenRatio"))]
    pub const fn token_ratio(mut self, token_ratio: f64) -> Self {
        self.0.token_ratio = token_ratio;
        self
    }

    /// The retries a second that are granted although the bucket is not more than half full: at most 1,000,000. The default
    /// is 0, as in gRPC.
    ///
    /// They are saved up for one second.
    pub const fn floor_per_second(mut self, retries: u32) -> Self {
        self.0.floor_per_second = retries;
        self
    }

    /// Builds a new budget, which shares its tokens with no other.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a number is out of the range that its method names.
    pub fn build(self, name: impl Into<Name>) -> Result<HalfFull, InvalidConfig> {
        let name = name.into().as_str();
        let checked = self
            .0
            .check()
            .map_err(|kind| kind.of(Object::Budget, name))?;
        let core = HalfFullCore::new(name, checked);
        Ok(HalfFull(Arc::new(core)))
    }

    const_fn! {
        /// Builds a budget for a `static`.
        ///
        /// # Panics
        ///
        /// If [`build`](Self::build) would return an error. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_retry::{HalfFull, StaticHalfFull};
        /// static NONE: StaticHalfFull = HalfFull::builder().max_tokens(0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticHalfFull {
            match self.0.check() {
                Ok(checked) => HalfFull(HalfFullCore::new(name, checked)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }
}

// === impl Numbers ===

impl Numbers {
    /// The size of the bucket, and what a success gives, in thousandths of a token; and the floor.
    const fn check(self) -> Result<(u32, u32, u32), InvalidConfigKind> {
        if self.max_tokens < 1 || self.max_tokens > 1_000 {
            return Err(InvalidConfigKind::MaxTokens(self.max_tokens));
        }
        // Written so that NaN is refused.
        if !(self.token_ratio >= 0.001 && self.token_ratio <= 1_000.0) {
            return Err(InvalidConfigKind::TokenRatio(self.token_ratio));
        }
        if self.floor_per_second > 1_000_000 {
            return Err(InvalidConfigKind::Floor(self.floor_per_second));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked: at most a million thousandths"
        )]
        // A millionth is added because 0.3 × 1,000 is a little less than 300.
        let per_success = (self.token_ratio * TOKEN as f64 + 1e-6) as u32;
        let most = self.max_tokens * TOKEN;
        Ok((most, per_success, self.floor_per_second))
    }
}

// === impl HalfFullCore ===

impl HalfFullCore {
    const_fn! {
        fn new(name: &'static str, (most, per_success, floor): (u32, u32, u32)) -> Self {
            Self { watch: Watch::new(name), per_success: AtomicU32::new(per_success), tokens: Tokens::new(most), floor: Floor::new(floor), changes: StaticMutex::new(()) }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "at most a million thousandths: exact"
    )]
    fn tokens(&self) -> f64 {
        self.tokens.left() as f64 / f64::from(TOKEN)
    }
}

impl fmt::Debug for HalfFullCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HalfFull")
            .field("name", &self.watch.name())
            .field("tokens", &self.tokens())
            .finish_non_exhaustive()
    }
}
