use std::time::Duration;

/// How long a call may take, and a name to say so: a cheap handle, given to a
/// [`TimeoutLayer`](crate::TimeoutLayer).
///
/// Any [`Duration`] is legal. With [`Duration::MAX`] no call elapses, and neither clock nor timer is
/// touched. With zero a call is made and polled once: only what is ready at once is a result.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{Timeout, TimeoutLayer};
/// use std::time::Duration;
///
/// let store = Timeout::new(Duration::from_millis(250)).named("store");
/// assert_eq!((store.name(), store.limit()), ("store", Duration::from_millis(250)));
/// let layer = TimeoutLayer::new(store);
///
/// // Where nobody asks for a name, a duration is enough.
/// let layer = TimeoutLayer::new(Duration::from_secs(1));
/// # let _ = layer;
/// ```
// Not `Copy`, though it could be today: a handle whose limit can be changed at run time holds a pointer.
#[derive(Clone, Debug)]
pub struct Timeout {
    name: &'static str,
    limit: Duration,
}

/// What a timeout is called that nobody named: it appears in messages, where an empty name would look
/// like a mistake of ours.
const UNNAMED: &str = "unnamed";

// === impl Timeout ===

impl Timeout {
    /// A timeout of `limit` from the moment of the call.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self {
            name: UNNAMED,
            limit,
        }
    }

    /// The same, with a name for [`Elapsed::name`](crate::Elapsed::name) and its message. Without one it
    /// is `unnamed`.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How long a call may take.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::new(limit)
    }
}
