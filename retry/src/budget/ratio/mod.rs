mod builder;
mod core;
pub(crate) mod credit;
mod hold;
pub(crate) mod ledger;
mod mark;
pub(crate) mod terms;

pub use self::{builder::BudgetBuilder, core::Core, hold::Hold};

use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use crate::{budget::Budget, types::Now};

/// A budget of retries as a share of calls, with a floor per second and a ttl: a cheap handle to credit
/// that all its clones share.
///
/// Each call pays in `ratio` of a retry, which expires after the ttl; `floor` retries a second come in
/// besides; a retry uses up the oldest credit there is. Over any history, and exactly so under threads,
///
/// ```text
/// retries ≤ ratio × calls + floor × (elapsed + ttl)
/// balance ≤ ratio × calls of the last ttl + floor × ttl
/// ```
///
/// These are the semantics that Finagle documents for its
/// [`RetryBudget`](https://twitter.github.io/finagle/docs/com/twitter/finagle/service/RetryBudget$.html)
/// (in its code a retry weighs on the balance for a whole ttl, whatever it was paid with; here it uses up
/// what it was paid with, so that what one outage used is not missing in the next).
///
/// A call costs one increment of a shared count; a retry, one compare-and-swap, after reading 17 words.
/// Nothing is swept in the background or after an idle time, and nothing locks.
///
/// In ordinary code the type is written `RetryBudget`; the parameter is the pointer to the shared state,
/// an [`Arc`] unless the budget lives in a `static` (see [`StaticRetryBudget`]).
///
/// # Examples
///
/// ```
/// use maestro_retry::RetryBudget;
///
/// let budget = RetryBudget::builder().ratio(0.5).floor_per_second(0).build("postgres")?;
/// assert_eq!(budget.balance(), 0);
/// budget.deposit();
/// budget.deposit();
/// assert_eq!(budget.balance(), 1);
///
/// let hold = budget.try_hold().expect("two calls paid for one retry");
/// assert!(budget.try_hold().is_none());
/// drop(hold); // its retry never ran
/// budget.try_hold().expect("it was given back").spend();
/// assert_eq!(budget.balance(), 0);
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone)]
pub struct RetryBudget<P = Arc<Core>>(pub(crate) P);

/// A budget that lives in a `static`: no reference count, made by [`BudgetBuilder::build_static`].
///
/// A `&'static` reference to it is a [`Budget`].
pub type StaticRetryBudget = RetryBudget<Core>;

// === impl RetryBudget ===

impl RetryBudget {
    /// A budget with the defaults: a fifth of the calls, ten a second besides, a ttl of ten seconds.
    ///
    /// # Panics
    ///
    /// Never: the defaults are legal.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self::builder().build(name).expect("the defaults are legal")
    }

    /// The configuration, to be completed by [`BudgetBuilder::build`] or [`BudgetBuilder::build_static`].
    pub const fn builder() -> BudgetBuilder {
        BudgetBuilder::new()
    }

    /// Takes leave for one retry, if there is credit for it. Dropped unspent, the hold gives it back.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold(&self) -> Option<Hold> {
        self.try_hold_at(Instant::now())
    }

    /// [`try_hold`](Self::try_hold), at a moment that the caller has read.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold_at(&self, now: Instant) -> Option<Hold> {
        let end = self.0.withdraw(now)?;
        Some(Hold::new(Arc::clone(&self.0), end))
    }
}

impl StaticRetryBudget {
    /// Takes leave for one retry, if there is credit for it. Dropped unspent, the hold gives it back.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold(&'static self) -> Option<Hold<&'static Core>> {
        self.try_hold_at(Instant::now())
    }

    /// [`try_hold`](Self::try_hold), at a moment that the caller has read.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold_at(&'static self, now: Instant) -> Option<Hold<&'static Core>> {
        let end = self.0.withdraw(now)?;
        Some(Hold::new(&self.0, end))
    }
}

impl<P: Borrow<Core>> RetryBudget<P> {
    /// The name it was built with.
    pub fn name(&self) -> &'static str {
        self.core().name()
    }

    /// Pays in for one call. The layer does so for each call, not for its retries.
    pub fn deposit(&self) {
        self.deposit_at(Instant::now());
    }

    /// [`deposit`](Self::deposit), at a moment that the caller has read.
    pub fn deposit_at(&self, now: Instant) {
        self.core().deposit(now);
    }

    /// How many retries there is credit for now: for display, as others may take them while you look.
    pub fn balance(&self) -> u64 {
        self.balance_at(Instant::now())
    }

    /// [`balance`](Self::balance), at a moment that the caller has read.
    pub fn balance_at(&self, now: Instant) -> u64 {
        self.core().balance(now)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "below 2^53 for any balance worth looking at"
    )]
    fn level_at(&self, now: Instant) -> f64 {
        self.balance_at(now) as f64
    }

    fn core(&self) -> &Core {
        self.0.borrow()
    }
}

impl Budget for RetryBudget {
    type Call = ();
    type Hold = Hold;
    type Retry = ();

    fn enter(&self, now: &Now) {
        self.deposit_at(now.get());
    }

    fn try_hold(&self, now: &Now) -> Option<Hold> {
        self.try_hold_at(now.get())
    }

    fn level(&self, now: &Now) -> Option<f64> {
        Some(self.level_at(now.get()))
    }

    fn spend(&self, hold: Hold) {
        hold.spend();
    }
}

impl Budget for &'static StaticRetryBudget {
    type Call = ();
    type Hold = Hold<&'static Core>;
    type Retry = ();

    fn enter(&self, now: &Now) {
        self.deposit_at(now.get());
    }

    fn try_hold(&self, now: &Now) -> Option<Self::Hold> {
        StaticRetryBudget::try_hold_at(self, now.get())
    }

    fn level(&self, now: &Now) -> Option<f64> {
        Some(self.level_at(now.get()))
    }

    fn spend(&self, hold: Self::Hold) {
        hold.spend();
    }
}

impl<P: Borrow<Core>> fmt::Debug for RetryBudget<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}
