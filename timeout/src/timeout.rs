use std::{sync::Arc, time::Duration};

use crate::{
    Builder, Phase,
    limit::Limit,
    observe::metrics::Watch,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    types::nanos::Nanos,
};

/// How long a call may take, and a name to say so: a cheap handle, given to a
/// [`TimeoutLayer`](crate::TimeoutLayer).
///
/// Clones share the limit, so keep one to change it while calls are under way; a timeout that is built
/// anew shares with none. Any [`Duration`] is legal. With [`Duration::MAX`] no call elapses, and neither clock
/// nor timer is touched. With zero a call is made and polled once: only what is ready at once is a result.
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
/// // Where nobody asks for a name, a duration is enough.
/// let layer = TimeoutLayer::new(Duration::from_secs(1));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct Timeout(Arc<Core>);

#[derive(Debug)]
struct Core {
    name: &'static str,
    limit: Limit,
    counts_readiness: AtomicBool,
    watch: Watch,
}

/// What a timeout is called that nobody named: it appears in messages, where an empty name would look
/// like a mistake of ours.
const UNNAMED: &str = "unnamed";

const PHASES: &[Phase] = &[Phase::Before, Phase::Call];

// === impl Timeout ===

impl Timeout {
    /// A timeout of `limit` from the moment of the call.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self::from_parts(UNNAMED, Builder::new().limit(limit))
    }

    /// The numbers of a timeout, to be set one by one or read from a file.
    pub const fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn from_parts(name: &'static str, numbers: Builder) -> Self {
        Self(Arc::new(Core {
            name,
            limit: Limit::new(numbers.limit),
            counts_readiness: AtomicBool::new(numbers.counts_readiness),
            watch: Watch::new(name, PHASES),
        }))
    }

    /// The same numbers under a name, for [`Elapsed::name`](crate::Elapsed::name) and its message. Without
    /// one it is `unnamed`. Name it before you clone it: what is returned is a timeout of its own.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self::from_parts(name, self.numbers())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How long a call that begins now may take.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit_in_nanos().duration()
    }

    /// The numbers as they are now.
    pub fn numbers(&self) -> Builder {
        Builder {
            limit: self.limit(),
            counts_readiness: self.counts_readiness(),
        }
    }

    /// Changes how long a call may take, for this handle and all its clones, without blocking anybody.
    ///
    /// A call is bounded by the limit that was there when it began; those under way keep theirs.
    pub fn set_limit(&self, limit: Duration) {
        self.0.limit.store(limit);
    }

    /// Changes all the numbers, as [`set_limit`](Self::set_limit) changes one.
    pub fn reconfigure(&self, numbers: Builder) {
        // Two words, each a number of its own: no reader needs both to be of one age.
        self.set_limit(numbers.limit);
        self.0
            .counts_readiness
            .store(numbers.counts_readiness, Relaxed);
    }

    #[inline]
    pub(crate) fn limit_in_nanos(&self) -> Nanos {
        self.0.limit.load()
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
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
