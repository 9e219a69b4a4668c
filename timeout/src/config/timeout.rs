use std::time::Duration;

use crate::types::{InvalidConfig, InvalidConfigKind};

/// The settings of a [`Timeout`](crate::Timeout). `Copy`, and usable in a `const`.
///
/// Created by [`Timeout::builder`](crate::Timeout::builder), and applied to a running timeout by
/// [`Timeout::reconfigure`](crate::Timeout::reconfigure). With the feature `serde` it is read from a file:
/// `{"limit": "250ms", "count_readiness": true}`. Only `limit` is required, and `"250ms"` alone is short for
/// `{"limit": "250ms"}`.
///
/// It has no `Default`: a file that leaves the table out would have no limit, and a limit that was forgotten is not the same
/// as `"unlimited"`.
///
/// [`database`](Self::database), [`http_api`](Self::http_api), [`cache`](Self::cache) and [`queue`](Self::queue) are starting
/// points.
#[doc(alias = "TimeLimiterConfig")]
#[doc(alias = "TimeoutStrategyOptions")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder does nothing until `build`"]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename = "timeout"))]
pub struct Builder {
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    limit: Duration,
    count_readiness: bool,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            limit: Duration::MAX,
            count_readiness: false,
        }
    }

    /// The limit of a call. Every duration is valid. From 292 years on, and by default, there is no limit.
    ///
    /// With a limit of zero a call is made and polled once: only a result that is ready at once is in time.
    #[doc(alias = "timeoutDuration")]
    #[doc(alias = "timeout_duration")]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Whether the time for which the service is not ready counts towards the limit. Off by default.
    ///
    /// It is the time from the first pending `poll_ready` to the ready one. The time between readiness and
    /// `call` does not count. `poll_ready` itself is not bounded: a service has no place for a timer. If the
    /// limit is over before the service is ready, the call is not made. A deadline is an instant, and includes
    /// every wait without this setting.
    ///
    /// The wait belongs to the instance that is called. Use the setting where each request has a clone of the
    /// service (`oneshot`, axum): if several callers share an instance, the wait of a caller that gave up counts
    /// for the next one. Costs two clock reads if the service is not ready at once, otherwise none.
    pub const fn count_readiness(mut self, counts: bool) -> Self {
        self.count_readiness = counts;
        self
    }

    /// Refuses settings that are valid but probably a mistake: a limit of zero, and one of more than a day that is
    /// not [`Duration::MAX`].
    ///
    /// `build`, `set_limit` and `reconfigure` accept every setting. With the feature `tracing` they log the same message as an
    /// event at the level `WARN`.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] with the value found.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{InvalidConfig, InvalidConfigKind, Timeout};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), InvalidConfig> {
    /// let builder = Timeout::builder().limit(Duration::from_millis(250));
    /// builder.check()?;
    /// let timeout = builder.build("store");
    /// let doubtful = builder.limit(Duration::ZERO).check().unwrap_err();
    /// assert_eq!(doubtful.kind(), InvalidConfigKind::ZeroLimit("limit"));
    /// # let _ = timeout;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn check(&self) -> Result<(), InvalidConfig> {
        match InvalidConfigKind::check_limit("limit", self.limit) {
            Ok(()) => Ok(()),
            Err(doubtful) => Err(doubtful.unnamed()),
        }
    }

    /// The limit, and whether readiness counts.
    pub(crate) const fn parts(self) -> (Duration, bool) {
        (self.limit, self.count_readiness)
    }
}

/// How a file has a [`Builder`].
#[cfg(feature = "serde")]
mod read {
    use std::fmt;

    use serde::{
        Deserialize, Deserializer,
        de::{Error, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
    };

    use super::{Builder, Duration};
    use crate::config::duration;

    /// The fields of the table.
    #[derive(Deserialize)]
    #[serde(remote = "Builder", deny_unknown_fields)]
    struct Table {
        // Required: a limit that was forgotten is not the same as no limit.
        #[serde(deserialize_with = "duration::deserialize")]
        limit: Duration,
        #[serde(default)]
        count_readiness: bool,
    }

    /// A table, or the text of its limit. Not an untagged enum: that hides which field is wrong.
    struct TableOrLimit;

    impl<'de> Visitor<'de> for TableOrLimit {
        type Value = Builder;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table with a `limit`, or that limit alone, such as \"250ms\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Builder, E> {
            let limit = duration::deserialize(text.into_deserializer())?;
            Ok(Builder::new().limit(limit))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Builder, A::Error> {
            Table::deserialize(MapAccessDeserializer::new(map))
        }
    }

    impl<'de> Deserialize<'de> for Builder {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(TableOrLimit)
        }
    }
}
