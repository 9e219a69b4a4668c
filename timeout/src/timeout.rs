//! The handle of a timeout.

#[cfg(feature = "family")]
mod member;

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    config::Builder,
    limit::ForcedLimit,
    observe::{self, Listener, Observers, Watch},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    types::{
        Event, InvalidConfig, InvalidConfigKind, Label, LimitChange, Name, Nanos, Object, Override,
        Phase,
    },
};

/// A named limit on the time of a call: a cheap handle for a [`TimeoutLayer`](crate::TimeoutLayer).
///
/// Clones share the limit. Keep one to change the limit while calls run. Each build creates a timeout that
/// shares nothing. Every [`Duration`] is valid. With [`Duration::MAX`] no call elapses, and a call reads no
/// clock and sets no timer. With zero a call is made and polled once.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{Timeout, TimeoutLayer};
/// use std::time::Duration;
///
/// let store = Timeout::new(Duration::from_millis(250)).named("store");
/// assert_eq!((store.name(), store.limit()), ("store", Duration::from_millis(250)));
/// let layer = TimeoutLayer::new(store.clone());
///
/// // Calls that begin from now on have less time.
/// store.set_limit(Duration::from_millis(100));
/// assert_eq!(store.limit(), Duration::from_millis(100));
///
/// // Where no name is needed, a duration is enough.
/// let layer = TimeoutLayer::new(Duration::from_secs(1));
/// # let _ = layer;
/// ```
#[doc(alias = "TimeLimiter")]
#[doc(alias = "TimeoutPolicy")]
#[doc(alias = "TimeoutStrategy")]
#[derive(Clone)]
pub struct Timeout(Arc<Core>);

struct Core {
    limit: ForcedLimit,
    /// Independent of the limit: no call needs both to be of one reconfiguration.
    counts_readiness: AtomicBool,
    observers: Observers,
    #[cfg(feature = "family")]
    member: member::Member,
}

/// The default name. It appears in messages, where an empty one would look like a bug.
const UNNAMED: &str = "unnamed";

const PHASES: &[Phase] = &[Phase::Before, Phase::Call];

// === impl Timeout ===

impl Timeout {
    /// Creates a timeout with a limit that counts from `call`.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Builder::new().limit(limit).build(UNNAMED)
    }

    /// Returns a builder with no limit.
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Creates a timeout with the same settings and this name. [`Elapsed::name`](crate::Elapsed::name) returns
    /// it. The default is `unnamed`.
    ///
    /// The result shares nothing with `self`, because metrics are labelled with the name. So name a timeout
    /// before you clone it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.numbers().build(name)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.label().name()
    }

    /// Returns the key of a member of a family, if the family shows its keys (`Timeouts::show_keys`, feature `family`); else
    /// `None`. For people and logs: it takes a short lock.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.label().key()
    }

    /// Returns the limit of a call that begins now: the configured one, or that which an operator
    /// [forces](Self::force_limit).
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit_in_nanos().duration()
    }

    /// Returns this timeout, of an attempt or a step, if its limit is at most that of `whole`. A later change of
    /// either limit is not checked.
    ///
    /// # Errors
    ///
    /// [`InvalidConfigKind::AboveWhole`] with both limits if no call could ever reach this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::Timeout;
    /// use std::time::Duration;
    ///
    /// let whole = Timeout::new(Duration::from_secs(1)).named("store");
    /// let attempt = Timeout::new(Duration::from_secs(2)).named("store attempt");
    /// let error = attempt.within(&whole).unwrap_err();
    /// assert!(error.to_string().starts_with("timeout `store attempt`: the limit of an attempt is 2s"));
    /// ```
    pub fn within(self, whole: &Self) -> Result<Self, InvalidConfig> {
        let (attempt, whole) = (self.limit(), whole.limit());
        if attempt > whole {
            let above = InvalidConfigKind::AboveWhole { attempt, whole };
            return Err(above.of(Object::Timeout, self.name()));
        }
        Ok(self)
    }

    /// Returns the configured settings. A [forced](Self::force_limit) limit is not among them.
    pub fn numbers(&self) -> Builder {
        Builder::new()
            .limit(self.0.limit.configured())
            .count_readiness(self.counts_readiness())
    }

    /// Changes the configured limit for this handle and its clones. Takes a short lock. A call takes it only to end
    /// an override whose time is over.
    ///
    /// It applies to calls that begin from now on. Running calls keep the limit they began with. A
    /// [forced](Self::force_limit) limit stays in effect until its end.
    pub fn set_limit(&self, limit: Duration) {
        observe::configured("timeout", self.name(), Builder::new().limit(limit).check());
        self.configure(limit);
    }

    /// Changes all settings, as [`set_limit`](Self::set_limit) changes the limit.
    ///
    /// # Errors
    ///
    /// None today: every setting of a timeout is valid. A reload treats the handles of all Maestro crates alike.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the type that a reload finds at every handle"
    )]
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        observe::configured("timeout", self.name(), to.check());
        self.apply(to);
        Ok(())
    }

    /// Puts `limit` in place of the configured limit, until an operator [resumes](Self::resume) or the override ends.
    /// Replaces an override that holds. Every limit is valid, as for [`set_limit`](Self::set_limit), so that nothing is refused:
    /// unlike the `force_limit` of a bulkhead, which has illegal limits, it returns no `Result`.
    ///
    /// No task waits for the end: the first call, query or change at or after it restores the configured limit. While a limit with
    /// an end is in effect, a call reads the clock once more.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{Override, Timeout};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let store = Timeout::new(Duration::from_millis(250)).named("store");
    /// let hour = Duration::from_secs(60 * 60);
    /// store.force_limit(Duration::from_secs(2), Override::new("alice", "migration").lasting(hour));
    /// assert_eq!(store.limit(), Duration::from_secs(2));
    ///
    /// tokio::time::advance(hour).await;
    /// assert_eq!(store.limit(), Duration::from_millis(250));
    /// # }
    /// ```
    pub fn force_limit(&self, limit: Duration, by: Override) {
        self.force_limit_at(limit, by, Instant::now());
    }

    /// [`force_limit`](Self::force_limit) at `now`, from which the time of the override counts.
    pub fn force_limit_at(&self, limit: Duration, by: Override, now: Instant) {
        // As in `configure`.
        self.limit_at(now);
        self.announce(|put| self.0.limit.force(limit, by, now, put));
    }

    /// Ends the override that holds, and restores the configured limit. Returns whether there was one.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn resume(&self, by: Override) -> bool {
        // As in `configure`.
        self.limit_in_nanos();
        self.announce(|put| self.0.limit.resume(by, put))
    }

    /// Returns the override that holds now.
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.limit_in_nanos();
        self.0.limit.forced()
    }

    /// Calls `f` with each change of the limit from now on, in order, for as long as the [`Listener`] lives.
    ///
    /// `f` runs with no lock held, in a thread that changes the limit, which may tell the changes of others too. A slow `f`
    /// delays that thread. A panic of `f` is caught. `f` must not own the timeout that it listens to, or neither is ever
    /// dropped.
    ///
    /// A call that elapses is no event here: [`on_reject`](crate::TimeoutLayer::on_reject) sees it, and the features
    /// `metrics` and `tracing`. So a call costs nothing for listeners.
    pub fn on_event(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.0.observers.listen(f)
    }

    /// Registers the metrics with the recorder now, so that the counters exist, at zero, before the first call.
    /// Without this they are registered at the first use after a recorder is installed.
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        self.watch().resolve();
    }

    /// Changes all settings.
    pub(crate) fn apply(&self, to: Builder) {
        let (limit, counts_readiness) = to.parts();
        self.configure(limit);
        self.0.counts_readiness.store(counts_readiness, Relaxed);
    }

    fn configure(&self, limit: Duration) {
        // First, so that an override that is over is reported as such.
        self.limit_in_nanos();
        self.announce(|put| self.0.limit.configure(limit, put));
    }

    #[inline]
    pub(crate) fn limit_in_nanos(&self) -> Nanos {
        match self.0.limit.load() {
            Some(limit) => limit,
            None => self.temporary_limit(),
        }
    }

    /// Out of line: a call whose limit is not forced does not pay for its size.
    #[cold]
    #[inline(never)]
    fn temporary_limit(&self) -> Nanos {
        self.limit_at(Instant::now())
    }

    fn limit_at(&self, now: Instant) -> Nanos {
        self.announce(|put| self.0.limit.at(now, put))
    }

    /// Runs `f`, which may change the limit, and announces the change once no lock is held.
    fn announce<T>(&self, f: impl FnOnce(&mut dyn FnMut(LimitChange)) -> T) -> T {
        let observers = &self.0.observers;
        let mut has_changed = false;
        let result = f(&mut |change| {
            observers.put(change);
            has_changed = true;
        });
        if has_changed {
            observers.deliver();
        }
        result
    }

    #[inline]
    pub(crate) fn label(&self) -> Label {
        self.0.observers.label()
    }

    pub(crate) fn watch(&self) -> &Watch {
        self.0.observers.watch()
    }

    pub(crate) fn counts_readiness(&self) -> bool {
        self.0.counts_readiness.load(Relaxed)
    }
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::new(limit)
    }
}

// === impl Builder ===

impl Builder {
    /// Builds a timeout that shares its limit with no other. Every setting is valid.
    ///
    /// With the feature `metrics`, the series of two timeouts with one name add up: give each its own.
    #[must_use]
    pub fn build(self, name: impl Into<Name>) -> Timeout {
        let name = name.into().as_str();
        observe::configured("timeout", name, self.check());
        let observers = Observers::new(Label::of(name), Watch::new(name, PHASES));
        Timeout(Arc::new(Core::new(self, observers)))
    }
}

// === impl Core ===

impl Core {
    fn new(numbers: Builder, observers: Observers) -> Self {
        let (limit, counts_readiness) = numbers.parts();
        Self {
            limit: ForcedLimit::new(limit),
            counts_readiness: AtomicBool::new(counts_readiness),
            observers,
            #[cfg(feature = "family")]
            member: member::Member::default(),
        }
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("name", &self.name())
            .field("limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}
