//! A server-side filter of requests whose deadline has passed: the handle.

mod forced;
mod layer;

use std::sync::Arc;

use tokio::time::Instant;

use self::forced::ForcedDark;
pub use self::layer::{DeadlineFilterLayer, DeadlineFilterService};
use crate::{
    config::DeadlineFilterBuilder,
    deadline::Deadline,
    observe::{self, FilterObservers, Listener},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    types::{DarkChange, Elapsed, Event, InvalidConfig, Label, Name, Object, Override},
    window::{Settings, Window},
};

/// Rejects requests whose deadline has passed, up to a share of all requests: a cheap handle for a
/// [`DeadlineFilterLayer`].
///
/// For servers. After a queue in front of a server has grown, requests arrive that their callers no longer wait
/// for. Serving them takes time from the requests that can still succeed. Clones share the counts and the
/// settings. Each build creates a filter that shares nothing.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{Deadline, DeadlineFilter, Phase};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), maestro_timeout::InvalidConfig> {
/// let filter = DeadlineFilter::builder().max_share(0.5).build("orders")?;
/// let deadline = Deadline::after(Duration::from_millis(100));
/// assert!(filter.check(deadline).is_ok());
///
/// tokio::time::advance(Duration::from_secs(1)).await; // in a queue
/// let expired = filter.check(deadline).unwrap_err();
/// assert_eq!(expired.phase(), Phase::Before);
/// assert!(filter.check(deadline).is_ok(), "two of three would be more than half");
/// assert_eq!((filter.expired(), filter.rejected()), (2, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeadlineFilter(Arc<Core>);

#[derive(Debug)]
struct Core {
    label: Label,
    epoch: Instant,
    window: Window,
    forced: ForcedDark,
    expired: AtomicU64,
    rejected: AtomicU64,
    observers: FilterObservers,
}

const DEFAULT: Settings = match DeadlineFilterBuilder::new().settings() {
    Ok(settings) => settings,
    Err(_) => panic!("the defaults are within their ranges"),
};

// === impl DeadlineFilter ===

impl DeadlineFilter {
    /// Creates a filter with the defaults: at most a fifth of the requests of ten seconds.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self::from_settings(name, DEFAULT)
    }

    /// Returns a builder with the defaults.
    pub const fn builder() -> DeadlineFilterBuilder {
        DeadlineFilterBuilder::new()
    }

    fn from_settings(name: impl Into<Name>, settings: Settings) -> Self {
        let name = name.into().as_str();
        observe::configured("deadline_filter", name, Ok(()));
        let epoch = Instant::now();
        Self(Arc::new(Core {
            label: Label::of(name),
            epoch,
            window: Window::new(settings),
            forced: ForcedDark::new(epoch),
            expired: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            observers: FilterObservers::new(name),
        }))
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.label.name()
    }

    /// Returns the number of requests that arrived after their deadline.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.0.expired.load(Relaxed)
    }

    /// Returns the number of expired requests that were rejected, or that would have been outside dark mode.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.0.rejected.load(Relaxed)
    }

    /// Changes the settings for this handle and its clones. Never blocks.
    ///
    /// The credit of the current period stays: the shares deposited by its requests, up to a thousand
    /// rejections. With a share of 0.0 no request is rejected from now on.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a setting is out of its range. Nothing is changed then.
    pub fn reconfigure(&self, to: DeadlineFilterBuilder) -> Result<(), InvalidConfig> {
        let settings = to.settings();
        let settings = settings.map_err(|kind| kind.of(Object::DeadlineFilter, self.name()))?;
        self.0.window.reconfigure(settings);
        Ok(())
    }

    /// Counts a request, and returns whether it is to be served. A request without a deadline is
    /// [`Deadline::NEVER`], and counts too.
    ///
    /// Costs a clock read and at most one write to memory that all requests share, and another one or two for the
    /// counters if the request has expired. There is no write while every request is in time and a thousand
    /// rejections of the period are unspent.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] in the phase [`Before`](crate::Phase::Before) if the deadline has passed and the share is not
    /// used up.
    pub fn check(&self, deadline: Deadline) -> Result<(), Elapsed> {
        self.check_at(deadline, Instant::now())
    }

    /// As [`check`](Self::check), with the caller's `now`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_at(&self, deadline: Deadline, now: Instant) -> Result<(), Elapsed> {
        let core = &*self.0;
        let millis = now.saturating_duration_since(core.epoch).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let late = deadline.at().filter(|at| *at < now).map(|at| now - at);
        let (is_rejected, settings) = core.window.request(millis, late.is_some());
        let Some(late) = late else { return Ok(()) };
        // Statistics only: they decide nothing, so `Relaxed` and after the decision.
        core.expired.fetch_add(1, Relaxed);
        if is_rejected {
            core.rejected.fetch_add(1, Relaxed);
        }
        let is_dark = settings.is_dark() || self.is_forced_dark(now);
        core.observers.expired(late, is_rejected, is_dark);
        // Dark mode makes the whole decision, the credit included, so that the counters show the effect.
        if is_rejected && !is_dark {
            let elapsed = Elapsed::before(core.label);
            core.observers.rejected(&elapsed);
            Err(elapsed)
        } else {
            Ok(())
        }
    }

    /// Puts the filter into dark mode, until an operator [resumes](Self::resume) or the override ends: it rejects nothing, and
    /// counts. For deadlines that turn out to be wrong. Replaces an override that holds.
    ///
    /// No task waits for the end: the first expired request, query or change at or after it restores the configured mode.
    /// Takes a short lock. A request takes it only to end an override whose time is over.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{Deadline, DeadlineFilter, Override};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), maestro_timeout::InvalidConfig> {
    /// let filter = DeadlineFilter::builder().max_share(1.0).build("orders")?;
    /// let late = Deadline::after(Duration::ZERO);
    /// let hour = Duration::from_secs(60 * 60);
    /// filter.force_dark(Override::new("alice", "a client sends wrong deadlines").lasting(hour));
    /// tokio::time::advance(Duration::from_secs(1)).await;
    /// assert!(filter.check(late).is_ok());
    ///
    /// tokio::time::advance(hour).await;
    /// assert!(filter.check(late).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn force_dark(&self, by: Override) {
        self.force_dark_at(by, Instant::now());
    }

    /// [`force_dark`](Self::force_dark) at `now`, from which the time of the override counts.
    pub fn force_dark_at(&self, by: Override, now: Instant) {
        // First, so that an override that is over is reported as such.
        self.is_forced_dark(now);
        self.announce(|put| self.0.forced.force(by, now, put));
    }

    /// Ends the override that holds, and restores the configured mode. Returns whether there was one.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn resume(&self, by: Override) -> bool {
        // As in `force_dark_at`.
        self.is_forced_dark(Instant::now());
        self.announce(|put| self.0.forced.resume(by, put))
    }

    /// Returns the override that holds now.
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.is_forced_dark(Instant::now());
        self.0.forced.by()
    }

    #[inline]
    fn is_forced_dark(&self, now: Instant) -> bool {
        self.announce(|put| self.0.forced.holds(now, put))
    }

    /// Runs `f`, which may change the mode, and announces the change once no lock is held.
    #[inline]
    fn announce<T>(&self, f: impl FnOnce(&mut dyn FnMut(DarkChange)) -> T) -> T {
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

    /// Calls `f` with each rejection from now on, in the thread of the request, for as long as the [`Listener`] lives. Rejections
    /// of several requests may arrive at once. Begin and end of an override are events too, in order. A reconfiguration is none.
    pub fn on_event(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.0.observers.listen(f)
    }

    /// As [`Timeout::resolve_metrics`](crate::Timeout::resolve_metrics).
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        self.0.observers.resolve();
    }
}

// === impl DeadlineFilterBuilder ===

impl DeadlineFilterBuilder {
    /// Builds a filter that shares its counts with no other.
    ///
    /// With the feature `metrics`, the series of two filters with one name add up: give each its own.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a setting is out of its range.
    pub fn build(self, name: impl Into<Name>) -> Result<DeadlineFilter, InvalidConfig> {
        let name = name.into();
        match self.settings() {
            Ok(settings) => Ok(DeadlineFilter::from_settings(name, settings)),
            Err(kind) => Err(kind.of(Object::DeadlineFilter, name.as_str())),
        }
    }
}
