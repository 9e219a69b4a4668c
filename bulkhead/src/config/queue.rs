use std::time::Duration;

/// How calls wait for a place: how many at most, how long at most, and in which order. `Copy`, and usable in a `const`.
///
/// Given to [`BulkheadLayer::queue`](crate::BulkheadLayer::queue). Both bounds are required: a queue without them moves the
/// overload from the dependency into this process. A good bound is as short as the patience of the callers.
// Values of the layer, copied into each clone. They do not change at run time; the limit, which protects the dependency,
// does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename = "queue"))]
#[must_use = "a queue does nothing until it is given to `BulkheadLayer::queue`"]
#[doc(alias = "QueueLimit")]
#[doc(alias = "maxWaitDuration")]
#[doc(alias = "max_wait_duration")]
pub struct Queue {
    pub(crate) length: usize,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    pub(crate) max_wait: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    pub(crate) reserve: Duration,
    pub(crate) newest_first: bool,
}

impl Queue {
    /// At most `length` calls wait, each for at most `max_wait`.
    ///
    /// The length is that of the one line of the bulkhead: the callers of all its layers, and of
    /// [`acquire`](crate::Bulkhead::acquire), stand in it. With 0 no call waits.
    ///
    /// The wait begins with the call and includes the readiness of the inner service. If a place was free at once, the wait
    /// for readiness begins at the first poll that finds the inner service not ready. With [`Duration::ZERO`] no call waits.
    /// With [`Duration::MAX`] only a deadline bounds the wait.
    ///
    /// A call that waits for a place, and whose future is not polled, is out of the line once its wait has lasted too long:
    /// it is granted no place, and one that it was granted goes to the next caller that finds no room. A call that has
    /// fetched its place keeps it until its future is polled again or dropped.
    pub const fn new(length: usize, max_wait: Duration) -> Self {
        Self {
            length,
            max_wait,
            reserve: Duration::ZERO,
            newest_first: false,
        }
    }

    /// Serves the newest caller first. The default is first come, first served.
    ///
    /// For an overload. When the line is long, the callers at its head are about to give up, and serving them first makes
    /// every call late. With this setting the newest calls are served in time, and the oldest exceed
    /// [`max_wait`](Self::new). A full line still refuses new callers.
    pub const fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// The time that the call itself needs. A call whose [`deadline`](crate::QueueLayer::deadline) is nearer than this does not
    /// begin. The default is zero.
    pub const fn reserve(mut self, time: Duration) -> Self {
        self.reserve = time;
        self
    }
}

/// A length and the longest wait, as [`Queue::new`] takes them.
impl From<(usize, Duration)> for Queue {
    fn from((length, max_wait): (usize, Duration)) -> Self {
        Self::new(length, max_wait)
    }
}

/// The fields of a [`Queue`] in a file.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(remote = "Queue", deny_unknown_fields)]
struct File {
    length: usize,
    #[serde(deserialize_with = "super::duration::deserialize")]
    max_wait: Duration,
    #[serde(default, deserialize_with = "super::duration::deserialize")]
    reserve: Duration,
    #[serde(default)]
    newest_first: bool,
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Queue {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        File::deserialize(super::table::Table(from))
    }
}
