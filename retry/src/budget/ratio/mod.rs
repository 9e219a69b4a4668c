mod builder;
mod credit;
mod era;
mod hold;
mod ledger;
#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{
    borrow::Borrow,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    budget::{Budget, watch::Watch},
    observe::Listener,
    sync::const_fn,
    types::{BudgetEvent, InvalidConfig, Name, Now},
};
#[cfg(feature = "family")]
use crate::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    types::Key,
};

pub use self::{builder::BudgetBuilder, hold::Hold};
use self::{credit::Terms, ledger::Ledger};

/// A budget of retries as a share of the calls, with a floor per second and a ttl: a cheap handle to credit that all
/// its clones share.
///
/// Each call that reaches the service pays in `ratio` of a retry, which expires after the ttl. The floor pays in for a
/// number of retries a second. A retry uses up the oldest credit. Over any history, and exactly so under threads,
///
/// ```text
/// retries ≤ ratio × calls + floor × (elapsed + ttl)
/// balance ≤ ratio × calls of the last ttl + floor × ttl
/// ```
///
/// These are the semantics that Finagle documents for its
/// [`RetryBudget`](https://twitter.github.io/finagle/docs/com/twitter/finagle/service/RetryBudget$.html).
/// In Finagle's code a retry weighs on the balance for a whole ttl, whatever paid for it. Here it uses up what paid
/// for it, so that the retries of one outage are not missing in the next.
///
/// A call costs one increment of a shared count. A retry costs one compare-and-swap, after reading 17 words. Nothing
/// is swept in the background or after an idle time, and nothing locks.
///
/// Ordinary code writes the type as `RetryBudget`. The parameter is the pointer to the shared state, an [`Arc`] unless
/// the budget lives in a `static` (see [`StaticRetryBudget`]).
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
#[doc(alias("TpsBudget"))]
pub struct RetryBudget<P = Arc<Core>>(P);

/// A budget that lives in a `static`, without a reference count. Made by [`BudgetBuilder::build_static`].
///
/// A `&'static` reference to it is a [`Budget`].
pub type StaticRetryBudget = RetryBudget<Core>;

/// The shared state behind a [`RetryBudget`](crate::RetryBudget): opaque, named only in types such as
/// [`Hold<&'static Core>`](crate::Hold).
pub struct Core {
    watch: Watch,
    /// The budget's first instant. The first call sets it for a budget in a `static`, which cannot read the clock
    /// when it is made.
    made: OnceLock<Instant>,
    ledger: Ledger,
    /// Set by a use through a family, cleared by its hand.
    #[cfg(feature = "family")]
    used: AtomicBool,
}

// === impl RetryBudget ===

impl RetryBudget {
    /// A budget with the defaults: a fifth of the calls, ten retries a second in addition, a ttl of ten seconds.
    ///
    /// # Panics
    ///
    /// Never: the defaults are legal.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self::builder().build(name).expect("the defaults are legal")
    }

    /// The configuration, to be completed by [`BudgetBuilder::build`] or [`BudgetBuilder::build_static`].
    pub const fn builder() -> BudgetBuilder {
        BudgetBuilder::new()
    }

    /// Takes one retry, if there is credit for it. Dropping the hold unspent gives it back.
    #[must_use = "dropping the hold gives the retry back"]
    #[doc(alias("withdraw"))]
    pub fn try_hold(&self) -> Option<Hold> {
        self.try_hold_at(Instant::now())
    }

    /// [`try_hold`](Self::try_hold) at an instant that the caller has read.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold_at(&self, now: Instant) -> Option<Hold> {
        let end = self.0.withdraw(now)?;
        Some(Hold::new(Arc::clone(&self.0), end))
    }
}

#[cfg(all(test, feature = "family"))]
impl RetryBudget {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl StaticRetryBudget {
    /// Takes one retry, if there is credit for it. Dropping the hold unspent gives it back.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold(&'static self) -> Option<Hold<&'static Core>> {
        self.try_hold_at(Instant::now())
    }

    /// [`try_hold`](Self::try_hold) at an instant that the caller has read.
    #[must_use = "dropping the hold gives the retry back"]
    pub fn try_hold_at(&'static self, now: Instant) -> Option<Hold<&'static Core>> {
        let end = self.0.withdraw(now)?;
        Some(Hold::new(&self.0, end))
    }
}

impl<P> RetryBudget<P> {
    pub(super) const fn of(core: P) -> Self {
        Self(core)
    }
}

impl<P: Borrow<Core>> RetryBudget<P> {
    /// The name it was built with.
    pub fn name(&self) -> &'static str {
        self.core().watch.name()
    }

    /// The key of a member of a family, if the family shows its keys ([`show_keys`](crate::RetryBudgets::show_keys)); else
    /// `None`. For people and logs: it takes a lock, for which no call waits but the first ones of new keys. Feature
    /// `family`.
    #[cfg(feature = "family")]
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.core().watch.key()
    }

    /// Pays in for one call. The layer does so for each call when its first attempt has ended, unless that was rejected by
    /// another layer ([`Verdict::Ignored`](crate::Verdict::Ignored)), and not for its retries.
    pub fn deposit(&self) {
        self.deposit_at(Instant::now());
    }

    /// [`deposit`](Self::deposit) at an instant that the caller has read.
    pub fn deposit_at(&self, now: Instant) {
        self.core().deposit(now);
    }

    /// The number of retries there is credit for. For display: another thread may take some at any time.
    pub fn balance(&self) -> u64 {
        self.balance_at(Instant::now())
    }

    /// [`balance`](Self::balance) at an instant that the caller has read.
    pub fn balance_at(&self, now: Instant) -> u64 {
        self.core().balance(now)
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

    /// Replaces the numbers while calls run. The credit that is left stays, cut to what the new numbers allow of the last
    /// [ttl](BudgetBuilder::ttl): nothing is brought or revived, except that a hold taken before the change gives back what the
    /// new ttl still covers. Later calls pay in by the new ratio.
    ///
    /// Credit of a ttl that was changed is exact to a sixteenth of the longer one. A retry that is decided meanwhile is granted
    /// by the numbers before or after; while the ttl changes, it may be refused.
    ///
    /// # Errors
    ///
    /// The errors of [`BudgetBuilder::build`]; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::RetryBudget;
    ///
    /// let numbers = RetryBudget::builder().floor_per_second(0);
    /// let budget = numbers.ratio(1.0).build("postgres")?;
    /// budget.deposit();
    /// budget.reconfigure(numbers.ratio(0.5))?;
    /// assert_eq!(budget.balance(), 0, "the call is worth half a retry now");
    /// budget.deposit();
    /// assert_eq!(budget.balance(), 1);
    /// assert!(budget.reconfigure(numbers.ratio(-1.0)).is_err());
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn reconfigure(&self, to: BudgetBuilder) -> Result<(), InvalidConfig> {
        self.core().change(to.terms(self.name())?, Instant::now());
        Ok(())
    }

    fn core(&self) -> &Core {
        self.0.borrow()
    }
}

impl<P: Borrow<Core>> fmt::Debug for RetryBudget<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}

/// Both kinds of handle are the same budget. They differ in the pointer that a hold owns.
macro_rules! budget {
    ($handle:ty, $pointer:ty) => {
        impl Budget for $handle {
            type Call = ();
            type Hold = Hold<$pointer>;
            type Retry = ();

            fn enter(&self) {}

            fn reached(&self, now: &Now) {
                self.deposit_at(now.get());
            }

            fn try_hold(&self, now: &Now) -> Option<Self::Hold> {
                self.try_hold_at(now.get())
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "below 2^53 for any balance worth looking at"
            )]
            fn level(&self, now: &Now) -> Option<f64> {
                Some(self.balance_at(now.get()) as f64)
            }

            fn spend(&self, hold: Self::Hold) {
                hold.spend();
            }
        }
    };
}

budget!(RetryBudget, Arc<Core>);
budget!(&'static StaticRetryBudget, &'static Core);

// === impl Core ===

impl Core {
    const_fn! {
        fn new(name: &'static str, terms: Terms) -> Self {
            Self {
                watch: Watch::new(name),
                made: OnceLock::new(),
                ledger: Ledger::new(terms),
                #[cfg(feature = "family")]
                used: AtomicBool::new(false),
            }
        }
    }

    /// Of a family.
    #[cfg(feature = "family")]
    pub(super) fn made(
        name: &'static str,
        key: Option<Key>,
        numbers: BudgetBuilder,
        now: Instant,
    ) -> Result<Self, InvalidConfig> {
        let mut core = Self::made_at(name, numbers.terms(name)?, now);
        core.watch.show(key);
        Ok(core)
    }

    fn made_at(name: &'static str, terms: Terms, now: Instant) -> Self {
        let core = Self::new(name, terms);
        core.nanos(now);
        core
    }

    #[cfg(feature = "family")]
    pub(super) fn listen(&self, f: impl Fn(&BudgetEvent) + Send + Sync + 'static) -> Listener {
        self.watch.listen(f)
    }

    /// Gives it metrics with this label `key`, unless it has some.
    #[cfg(all(feature = "family", feature = "metrics"))]
    pub(super) fn label(&self, key: Arc<str>) {
        self.watch.label(key);
    }

    /// Marks it as used. Written only if it is clear, so that calls of a busy member share a read.
    #[cfg(feature = "family")]
    pub(super) fn touch(&self) {
        // Relaxed: a hint.
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    /// Whether it was used since this was asked last.
    #[cfg(feature = "family")]
    pub(super) fn was_used(&self) -> bool {
        self.used.swap(false, Relaxed)
    }

    /// Whether a new budget would have no more credit.
    #[cfg(feature = "family")]
    pub(super) fn is_like_new(&self, now: Instant) -> bool {
        self.ledger.is_like_new(self.nanos(now))
    }

    #[inline]
    fn deposit(&self, now: Instant) {
        // Adding to an `Instant` and comparing costs half of subtracting two: 20 instructions for most calls, where
        // subtracting (37, out of line in std) and finding slot and mark (55) were 92.
        let marked = Duration::from_nanos(self.ledger.marked());
        let marked = (self.made.get()).and_then(|made| made.checked_add(marked));
        if marked.is_some_and(|marked| now < marked) {
            self.ledger.count();
        } else {
            self.deposit_first(now);
        }
    }

    /// The first call of a slot.
    #[cold]
    #[inline(never)]
    fn deposit_first(&self, now: Instant) {
        self.ledger.deposit(self.nanos(now));
    }

    fn withdraw(&self, now: Instant) -> Option<u64> {
        let end = self.ledger.withdraw(self.nanos(now));
        self.watch.decided(end.is_some(), &Now::at(now));
        #[cfg(all(feature = "family", feature = "metrics"))]
        self.watch.measure(end.is_some(), || self.balance(now));
        end
    }

    fn refund(&self, end: u64, now: Instant) {
        self.ledger.refund(end, self.nanos(now));
    }

    fn change(&self, terms: Terms, now: Instant) {
        self.ledger.change(terms, self.nanos(now));
    }

    fn balance(&self, now: Instant) -> u64 {
        self.ledger.balance(self.nanos(now))
    }

    /// Nanoseconds since the first instant: 0 for a `now` before it, the largest number after 584 years.
    fn nanos(&self, now: Instant) -> u64 {
        let made = *self.made.get_or_init(|| now);
        let since: Duration = now.saturating_duration_since(made);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("name", &self.watch.name())
            .field("balance", &self.balance(Instant::now()))
            .finish_non_exhaustive()
    }
}
