use std::time::Duration;

use crate::types::{InvalidConfig, InvalidConfigKind};

/// The numbers of a bulkhead. `Copy`, and usable in a `const`.
///
/// Made by [`Bulkhead::builder`](crate::Bulkhead::builder).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename = "bulkhead"))]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
pub struct Builder {
    pub(crate) limit: usize,
    pub(crate) max_queued: usize,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    pub(crate) max_wait: Duration,
    pub(crate) metrics_only: bool,
    pub(crate) count_rejections: bool,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    pub(crate) window: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    pub(crate) retry_after: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    pub(crate) body_idle: Duration,
}

/// Twice the connections of a usual client pool (tokio-postgres pools, hyper per host): high enough to have no effect in
/// normal operation, low enough that a hung dependency holds tens of calls and not thousands.
const DEFAULT_LIMIT: usize = 64;

/// Enough for a burst of tasks. A line of this length in front of tens of places is a sign of an overload.
const DEFAULT_MAX_QUEUED: usize = 1_024;

/// A burst is over by then: that of [`Queue::database`](super::Queue::database).
const DEFAULT_MAX_WAIT: Duration = Duration::from_millis(250);

/// As in Netflix's `WindowedLimit`: long enough for a mean, short enough to act within seconds.
const DEFAULT_WINDOW: Duration = Duration::from_secs(1);

/// The shortest time that the header `Retry-After` can say.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A `Full` has eight bits for the seconds.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(255);

/// That of nginx for a client that does not read (`send_timeout`).
const DEFAULT_BODY_IDLE: Duration = Duration::from_secs(60);

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            max_queued: DEFAULT_MAX_QUEUED,
            max_wait: DEFAULT_MAX_WAIT,
            metrics_only: false,
            count_rejections: false,
            window: DEFAULT_WINDOW,
            retry_after: DEFAULT_RETRY_AFTER,
            body_idle: DEFAULT_BODY_IDLE,
        }
    }

    /// The most calls in flight at once: 1 or more, `usize::MAX` included. The default is 64.
    ///
    /// An adaptive limit begins with this number.
    #[doc(alias = "maxConcurrentCalls")]
    #[doc(alias = "max_concurrent_calls")]
    #[doc(alias = "PermitLimit")]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The most callers that wait at once in [`acquire`](crate::Bulkhead::acquire), or in a layer whose queue is
    /// [that of the bulkhead](crate::Queue::of_bulkhead): 0 or more. The default is 1,024.
    ///
    /// Another [`Queue`](crate::Queue) of a layer has its own bound. When the number falls, callers that wait stay, and
    /// later ones are refused until the line is shorter.
    #[doc(alias = "QueueLimit")]
    pub const fn max_queued(mut self, callers: usize) -> Self {
        self.max_queued = callers;
        self
    }

    /// The longest wait of a call in a layer whose queue is [that of the bulkhead](crate::Queue::of_bulkhead). The default is
    /// 250 ms. It counts as [`Queue::new`](crate::Queue::new) says.
    ///
    /// Another [`Queue`](crate::Queue) has its own bound, and [`acquire`](crate::Bulkhead::acquire) has none. A changed wait
    /// applies to the calls to come. [`Duration::MAX`] stands for no bound, and so does each wait above 584 years.
    #[doc(alias = "maxWaitDuration")]
    #[doc(alias = "max_wait_duration")]
    pub const fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = time;
        self
    }

    /// Admits every call, and counts in [`rejections`](crate::Bulkhead::rejections) the calls that find no place. For a
    /// trial of a limit on real traffic.
    ///
    /// No caller waits. A queue in front of such a bulkhead refuses nothing either; it also counts calls whose deadline is
    /// too near, and calls for which the inner service is not ready in time.
    pub const fn metrics_only(mut self, only: bool) -> Self {
        self.metrics_only = only;
        self
    }

    /// Counts refused calls in [`rejections`](crate::Bulkhead::rejections). The default is off.
    ///
    /// A refusal that is not counted only reads. Callers that are refused in large numbers then write to no memory that
    /// the calls in flight need. Metrics count refusals always.
    pub const fn count_rejections(mut self, count: bool) -> Self {
        self.count_rejections = count;
        self
    }

    /// How long an adaptive limit collects calls before it changes: a millisecond or more. The default is one second. A fixed
    /// limit ignores it.
    ///
    /// A window lasts at least twice the mean latency of the previous one, so that the calls of one change have ended before
    /// the next change. It also lasts until ten calls have succeeded or met an overload. When ten times its length have passed
    /// after that, one such call is enough.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// What a refusal tells its caller in [`Full::retry_after`](crate::Full::retry_after): above zero and at most 255
    /// seconds, rounded up to whole seconds. The default is one second.
    ///
    /// A good value is the time that a call takes when the dependency is busy. Callers that are refused together come back
    /// together unless they add jitter.
    pub const fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = time;
        self
    }

    /// How long a response body may stay without being polled and keep its place, where the place is held
    /// until the body ends (`until_body_end` of a layer). Above zero. The default is a minute, and
    /// [`Duration::MAX`] keeps the place.
    ///
    /// A server does not poll a body while its client does not read. No timer inside the body can fire then. So the place of
    /// such a body goes to the next caller that finds no room, after this time and at most a quarter of it later. The body
    /// itself is not ended: when it is polled again it counts as in flight again, beyond the limit if need be. A body that
    /// is polled from time to time keeps its place; bound it with a timeout for the whole body.
    ///
    /// The time counts from the head, and from each frame that the body gives. A body that was polled and had no frame waits
    /// for its backend, as a silent stream of events does, and keeps its place however long that is. Choose a longer time
    /// for clients that read large frames slowly.
    ///
    /// The clock is read when a head arrives and at each frame but the last. In steps of an eighth of a second. A time
    /// that is changed applies to a body when its present one is over.
    pub const fn body_idle(mut self, time: Duration) -> Self {
        self.body_idle = time;
        self
    }

    /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked where they
    /// are read, before there is a name.
    ///
    /// A builder that comes from a file has been checked.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, InvalidConfigKind};
    ///
    /// let builder = Bulkhead::builder().limit(20);
    /// assert_eq!(builder.check(), Ok(()));
    /// let refused = builder.limit(0).check().unwrap_err();
    /// assert_eq!((refused.name(), refused.kind()), (None, InvalidConfigKind::ZeroLimit));
    /// ```
    pub const fn check(&self) -> Result<(), InvalidConfig> {
        match self.validate() {
            Ok(()) => Ok(()),
            Err(kind) => Err(kind.unnamed()),
        }
    }

    /// [`check`](Self::check) for what is built with `name`.
    pub(crate) fn check_for(&self, name: &'static str) -> Result<(), InvalidConfig> {
        let checked = self.validate_for(name);
        checked.map_err(|kind| kind.unnamed().of(name))
    }

    /// Refuses an empty name too.
    pub(crate) const fn validate_for(&self, name: &str) -> Result<(), InvalidConfigKind> {
        if name.is_empty() {
            return Err(InvalidConfigKind::EmptyName);
        }
        self.validate()
    }

    const fn validate(&self) -> Result<(), InvalidConfigKind> {
        if self.limit == 0 {
            Err(InvalidConfigKind::ZeroLimit)
        } else if self.retry_after.is_zero()
            || self.retry_after.as_nanos() > MAX_RETRY_AFTER.as_nanos()
        {
            Err(InvalidConfigKind::RetryAfter(self.retry_after))
        } else if self.body_idle.is_zero() {
            Err(InvalidConfigKind::BodyIdle)
        } else {
            Ok(())
        }
    }

    /// From 1 to 255, once it is checked.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be at most 255")]
    pub(crate) const fn retry_seconds(self) -> u32 {
        let part = if self.retry_after.subsec_nanos() > 0 {
            1
        } else {
            0
        };
        self.retry_after.as_secs() as u32 + part
    }
}

impl Default for Builder {
    /// The builder with every default, as an empty table in a file gives it.
    fn default() -> Self {
        Self::new()
    }
}

/// Reads a limit, and refuses one that `build` refuses.
#[cfg(feature = "serde")]
fn legal_limit<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let limit = serde::Deserialize::deserialize(from)?;
    let checked = Builder::new().limit(limit).check();
    checked.map_err(serde::de::Error::custom).map(|()| limit)
}

#[cfg(feature = "serde")]
fn legal_retry_after<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let time = super::duration::deserialize(from)?;
    let checked = Builder::new().retry_after(time).check();
    checked.map_err(serde::de::Error::custom).map(|()| time)
}

#[cfg(feature = "serde")]
fn legal_body_idle<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let time = super::duration::deserialize(from)?;
    let checked = Builder::new().body_idle(time).check();
    checked.map_err(serde::de::Error::custom).map(|()| time)
}

/// The fields of a [`Builder`] in a file.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(remote = "Builder", default = "Builder::new", deny_unknown_fields)]
struct File {
    #[serde(deserialize_with = "legal_limit")]
    limit: usize,
    max_queued: usize,
    #[serde(deserialize_with = "super::duration::deserialize")]
    max_wait: Duration,
    metrics_only: bool,
    count_rejections: bool,
    #[serde(deserialize_with = "super::duration::deserialize")]
    window: Duration,
    #[serde(deserialize_with = "legal_retry_after")]
    retry_after: Duration,
    #[serde(deserialize_with = "legal_body_idle")]
    body_idle: Duration,
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Builder {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        File::deserialize(super::table::Table(from))
    }
}
