use std::time::Duration;

/// How calls wait for a place: how many at most, how long at most, and in which order. `Copy`, and usable in a `const`.
///
/// Given to [`BulkheadLayer::queue`](crate::BulkheadLayer::queue). A queue without bounds moves the overload from the
/// dependency into this process. So it has two of its own ([`new`](Self::new)), which are fixed for the life of the layer, or
/// those of the bulkhead ([`of_bulkhead`](Self::of_bulkhead)), which [`reconfigure`](crate::Bulkhead::reconfigure) changes
/// while calls run. A good bound is as short as the patience of the callers.
///
/// In a file, `length` and `max_wait` are both there or both absent. Without them it is the queue of the bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::table::Table<File>", into = "File")
)]
#[must_use = "a queue does nothing until it is given to `BulkheadLayer::queue`"]
#[doc(alias = "QueueLimit")]
#[doc(alias = "maxWaitDuration")]
#[doc(alias = "max_wait_duration")]
pub struct Queue {
    /// Together, so that a call hands on a reference, and one that finds a place does not read them.
    pub(crate) line: Line,
    pub(crate) max_wait: Duration,
    pub(crate) reserve: Duration,
}

/// How callers wait: how many at most, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "only `Source`, which is sealed, names it")]
pub struct Line {
    /// How many callers may wait, this one included.
    pub(crate) length: usize,
    pub(crate) newest_first: bool,
    /// The present length and wait of the bulkhead count, and not those here.
    pub(crate) of_bulkhead: bool,
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
    ///
    /// These two numbers do not change. For numbers that a reload or an operator changes, see
    /// [`of_bulkhead`](Self::of_bulkhead).
    pub const fn new(length: usize, max_wait: Duration) -> Self {
        Self {
            line: Line {
                length,
                newest_first: false,
                of_bulkhead: false,
            },
            max_wait,
            reserve: Duration::ZERO,
        }
    }

    /// A queue with the bounds of the bulkhead: at most [`Builder::max_queued`](crate::Builder::max_queued) calls wait, each
    /// for at most [`Builder::max_wait`](crate::Builder::max_wait). Otherwise as [`new`](Self::new).
    ///
    /// [`reconfigure`](crate::Bulkhead::reconfigure) of the bulkhead or of the family changes both numbers for the calls to
    /// come, through all layers that exist. A call that waits already stays in the line, however short the line becomes, and
    /// its wait ends when it would have ended. The reserve and the order are those of the layer, and fixed.
    ///
    /// Several layers over one bulkhead may have the bounds of the bulkhead, their own ones, or some the one and some the
    /// other.
    ///
    /// A call that finds a place does not read the numbers, unless it has a deadline or waits for the inner service. Each is
    /// one load. A call that arrives during a reconfiguration may see one number of each configuration.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, BulkheadLayer, Cause, Full, Queue};
    /// use std::time::Duration;
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let numbers = Bulkhead::builder().limit(1).max_queued(16).max_wait(Duration::from_millis(200));
    /// let pool = numbers.build("postgres")?;
    /// let mut store = ServiceBuilder::new()
    ///     .layer(BulkheadLayer::new(pool.clone()).queue(Queue::of_bulkhead()))
    ///     .service(service_fn(async |()| Ok::<_, Full>("rows")));
    /// let _held = pool.try_acquire()?;
    /// assert_eq!(store.call(()).await.unwrap_err().waited().as_millis(), 200);
    ///
    /// pool.reconfigure(numbers.max_wait(Duration::from_millis(50)))?;
    /// assert_eq!(store.call(()).await.unwrap_err().waited().as_millis(), 50);
    /// pool.reconfigure(numbers.max_queued(0))?;
    /// assert_eq!(store.call(()).await.unwrap_err().cause(), Cause::QueueFull);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn of_bulkhead() -> Self {
        let mut queue = Self::new(0, Duration::ZERO);
        queue.line.of_bulkhead = true;
        queue
    }

    /// Serves the newest caller first. The default is first come, first served.
    ///
    /// For an overload. When the line is long, the callers at its head are about to give up, and serving them first makes
    /// every call late. With this setting the newest calls are served in time, and the oldest exceed
    /// [`max_wait`](Self::new). A full line still refuses new callers.
    pub const fn newest_first(mut self) -> Self {
        self.line.newest_first = true;
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

/// That of the bulkhead: [`Queue::of_bulkhead`].
impl Default for Queue {
    fn default() -> Self {
        Self::of_bulkhead()
    }
}

/// The fields of a [`Queue`] in a file.
#[cfg(feature = "serde")]
#[derive(Clone, serde::Deserialize, serde::Serialize)]
#[serde(rename = "queue", deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(
        default,
        with = "super::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    max_wait: Option<Duration>,
    #[serde(default, with = "super::duration")]
    reserve: Duration,
    #[serde(default)]
    newest_first: bool,
}

#[cfg(feature = "serde")]
impl TryFrom<super::table::Table<File>> for Queue {
    type Error = &'static str;

    fn try_from(read: super::table::Table<File>) -> Result<Self, Self::Error> {
        let File {
            reserve,
            newest_first,
            ..
        } = read.0;
        let mut queue = match (read.0.length, read.0.max_wait) {
            (Some(length), Some(max_wait)) => Self::new(length, max_wait),
            (None, None) => Self::of_bulkhead(),
            (Some(_), None) => {
                return Err(
                    "`max_wait` is missing: a queue with a `length` has a longest wait too; without both it has the bounds of the bulkhead",
                );
            }
            (None, Some(_)) => {
                return Err(
                    "`length` is missing: a queue with a `max_wait` has a length too; without both it has the bounds of the bulkhead",
                );
            }
        };
        queue.line.newest_first = newest_first;
        Ok(queue.reserve(reserve))
    }
}

#[cfg(feature = "serde")]
impl From<Queue> for File {
    fn from(queue: Queue) -> Self {
        Self {
            length: (!queue.line.of_bulkhead).then_some(queue.line.length),
            max_wait: (!queue.line.of_bulkhead).then_some(queue.max_wait),
            reserve: queue.reserve,
            newest_first: queue.line.newest_first,
        }
    }
}
