pub(crate) mod layer;
pub(crate) mod service;

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    Deadline, DeadlineFilterBuilder, Elapsed, InvalidConfig,
    config::filter::Settings,
    observe::metrics::FilterMeters,
    observe::trace,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    window::Credit,
    window::word::MOST_MILLIS,
};

/// Rejects work whose deadline has passed before it is begun, up to a share of all requests: a cheap handle,
/// given to a [`DeadlineFilterLayer`](crate::DeadlineFilterLayer).
///
/// For servers. Work that nobody waits for any more costs what those whose time is not over need; it is
/// there when a queue in front of the server has grown. Clones share counts and numbers; a filter that is
/// built anew shares with none.
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
    name: &'static str,
    epoch: Instant,
    settings: AtomicU64,
    credit: Credit,
    expired: AtomicU64,
    rejected: AtomicU64,
    meters: FilterMeters,
}

const DEFAULT: Settings = match DeadlineFilterBuilder::new().settings() {
    Ok(settings) => settings,
    Err(_) => panic!("the defaults are within their ranges"),
};

// === impl DeadlineFilter ===

impl DeadlineFilter {
    /// A filter with the documented defaults: up to a fifth of the requests of ten seconds.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self::from_parts(name, DEFAULT)
    }

    /// The numbers of a filter, to be set one by one or read from a file.
    pub const fn builder() -> DeadlineFilterBuilder {
        DeadlineFilterBuilder::new()
    }

    pub(crate) fn from_parts(name: &'static str, settings: Settings) -> Self {
        Self(Arc::new(Core {
            name,
            epoch: Instant::now(),
            settings: AtomicU64::new(settings.word()),
            credit: Credit::new(),
            expired: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            meters: FilterMeters::new(name),
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many requests came after their deadline, since the filter was made.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.0.expired.load(Relaxed)
    }

    /// How many of them were rejected, or would have been if the filter were not dark.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.0.rejected.load(Relaxed)
    }

    /// Changes the numbers, of this handle and of all its clones, without blocking anybody. What the current
    /// period has saved up stays, at the share that held when its requests came, up to a thousand rejections.
    /// With a share of 0.0 nothing is rejected from then on.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range. Then nothing is changed.
    pub fn reconfigure(&self, numbers: DeadlineFilterBuilder) -> Result<(), InvalidConfig> {
        let settings = numbers.settings()?;
        // Relaxed: the word is all there is to see.
        self.0.settings.store(settings.word(), Relaxed);
        Ok(())
    }

    /// Counts one request, and says whether it is to be served. One that has no deadline is
    /// [`Deadline::NEVER`], and counts as well.
    ///
    /// Costs a clock read and at most one write to memory that all requests share: none while there is
    /// nothing to reject and the period has seen enough requests for a thousand rejections.
    ///
    /// # Errors
    ///
    /// [`Elapsed`], in the phase [`Before`](crate::Phase::Before), when the deadline has passed and the
    /// share is not used up.
    pub fn check(&self, deadline: Deadline) -> Result<(), Elapsed> {
        self.check_at(deadline, Instant::now())
    }

    /// As [`check`](Self::check), at a `now` that the caller has read.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_at(&self, deadline: Deadline, now: Instant) -> Result<(), Elapsed> {
        let core = &*self.0;
        let settings = Settings::from_word(core.settings.load(Relaxed));
        let millis = now.saturating_duration_since(core.epoch).as_millis();
        let millis = u64::try_from(millis).map_or(MOST_MILLIS, |millis| millis.min(MOST_MILLIS));
        let late = deadline.at().filter(|at| *at < now).map(|at| now - at);
        let is_rejected =
            core.credit
                .request(millis, settings.share, settings.period, late.is_some());
        let Some(late) = late else { return Ok(()) };
        // For people to read: relaxed, and after the decision.
        core.expired.fetch_add(1, Relaxed);
        if is_rejected {
            core.rejected.fetch_add(1, Relaxed);
        }
        self.meters().expired(late, is_rejected);
        trace::expired(core.name, late, is_rejected, settings.dark);
        if is_rejected && !settings.dark {
            Err(Elapsed::before(core.name))
        } else {
            Ok(())
        }
    }

    pub(crate) fn meters(&self) -> &FilterMeters {
        &self.0.meters
    }
}
