use std::time::Duration;

use crate::BodyTimeout;

/// The numbers of a body timeout. `Copy`, and usable in a `const`.
///
/// Made by [`BodyTimeout::builder`]; what [`BodyTimeout::reconfigure`] takes. Any duration is legal; from 584
/// years on, and by default, a phase has no limit. With the feature `serde` it is read from a file:
/// `{"headers": "1s", "idle": "5s", "whole": "1m 30s"}`, of which any may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct BodyTimeoutBuilder {
    pub(crate) headers: Duration,
    pub(crate) idle: Duration,
    pub(crate) whole: Duration,
}

impl BodyTimeoutBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            headers: Duration::MAX,
            idle: Duration::MAX,
            whole: Duration::MAX,
        }
    }

    /// How long the head of the response may take, from the call.
    pub const fn headers(mut self, limit: Duration) -> Self {
        self.headers = limit;
        self
    }

    /// How long the body may have nothing to give when it is asked for its next frame. The time in which
    /// nobody asks is not counted: a slow reader is not the body's fault.
    pub const fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// How long the body may take as a whole, from the head on: whoever is slow, and also where one
    /// frame comes after the other.
    pub const fn whole(mut self, limit: Duration) -> Self {
        self.whole = limit;
        self
    }

    /// Builds a timeout of its own, whose limits are shared with no other. There is no duration that it refuses.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    #[must_use]
    pub fn build(self, name: &'static str) -> BodyTimeout {
        BodyTimeout::from_parts(name, self)
    }
}
