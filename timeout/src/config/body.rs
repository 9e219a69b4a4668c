use std::time::Duration;

use crate::types::{InvalidConfig, InvalidConfigKind};

/// The settings of a [`BodyTimeout`](crate::BodyTimeout). `Copy`, and usable in a `const`.
///
/// Created by [`BodyTimeout::builder`](crate::BodyTimeout::builder), and applied to a running timeout by
/// [`BodyTimeout::reconfigure`](crate::BodyTimeout::reconfigure). Every duration is valid. From 292 years on,
/// and by default, a phase has no limit. With the feature `serde` it is read from a file:
/// `{"headers": "1s", "idle": "5s", "whole": "1m 30s"}`. Every field is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder does nothing until `build`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename = "body timeout")
)]
pub struct BodyTimeoutBuilder {
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    headers: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    idle: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    whole: Duration,
}

impl BodyTimeoutBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            headers: Duration::MAX,
            idle: Duration::MAX,
            whole: Duration::MAX,
        }
    }

    /// The limit of the response head, from the call on.
    pub const fn headers(mut self, limit: Duration) -> Self {
        self.headers = limit;
        self
    }

    /// The limit of each wait for a frame of the body. A wait begins when the body is polled and has no frame.
    /// The time in which the body is not polled does not count: the reader may be slow.
    pub const fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// The limit of the whole body, from the head on. The time of a slow reader counts, and a body that sends
    /// one frame after the other is bounded too.
    ///
    /// A body acts only when it is polled, and a server does not poll it while its client does not read. Such a body
    /// ends when the client reads on or its connection is closed, however late that is. See
    /// [clients that do not read](crate::guide#clients-that-do-not-read).
    pub const fn whole(mut self, limit: Duration) -> Self {
        self.whole = limit;
        self
    }

    /// Refuses settings that are valid but probably a mistake: a limit of zero, one of more than a day that is not
    /// [`Duration::MAX`], and an idle limit that is not below that of the whole body.
    ///
    /// `build` and `reconfigure` accept every setting. With the feature `tracing` they log the same message as an event at the
    /// level `WARN`.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] with the value found.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        self.doubtful().map_err(InvalidConfigKind::unnamed)
    }

    fn doubtful(self) -> Result<(), InvalidConfigKind> {
        InvalidConfigKind::check_limit("headers", self.headers)?;
        InvalidConfigKind::check_limit("idle", self.idle)?;
        InvalidConfigKind::check_limit("whole", self.whole)?;
        let (idle, whole) = (self.idle, self.whole);
        if idle != Duration::MAX && idle >= whole {
            return Err(InvalidConfigKind::IdleAboveWhole { idle, whole });
        }
        Ok(())
    }

    /// The limits of head, idle body and whole body.
    pub(crate) const fn phases(self) -> [Duration; 3] {
        [self.headers, self.idle, self.whole]
    }
}

impl Default for BodyTimeoutBuilder {
    /// The builder with every default, as an empty table in a file gives it.
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of a [`BodyTimeoutBuilder`] in a file.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(
    remote = "BodyTimeoutBuilder",
    default = "BodyTimeoutBuilder::new",
    deny_unknown_fields
)]
struct File {
    #[serde(deserialize_with = "super::duration::deserialize")]
    headers: Duration,
    #[serde(deserialize_with = "super::duration::deserialize")]
    idle: Duration,
    #[serde(deserialize_with = "super::duration::deserialize")]
    whole: Duration,
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for BodyTimeoutBuilder {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        File::deserialize(super::table::Table(from))
    }
}
