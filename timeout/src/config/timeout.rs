use std::time::Duration;

use crate::Timeout;

/// The numbers of a timeout. `Copy`, and usable in a `const`.
///
/// Made by [`Timeout::builder`]; what [`Timeout::reconfigure`] takes. With the feature `serde` it is read from
/// a file: `{"limit": "250ms", "count_readiness": true}`, of which only `limit` must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    pub(crate) limit: Duration,
    pub(crate) counts_readiness: bool,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            limit: Duration::MAX,
            counts_readiness: false,
        }
    }

    /// How long a call may take: any duration. From 584 years on, and by default, there is no limit. With
    /// zero a call is made and polled once: only what is ready at once is a result.
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Whether the time that a call's instance of the service spends unready, from its first `poll_ready`
    /// that is pending, is taken off the limit. Off by default.
    ///
    /// `poll_ready` itself is not bounded even so: a service has no place for a timer. Where the limit was
    /// over before the service became ready, the call is not made. A deadline is an instant and takes
    /// every wait into account without this.
    ///
    /// What counts is the wait of the instance that is called, so use it where each request has a clone
    /// of its own (`oneshot`, axum): an instance that several callers take in turns hands the wait of one that
    /// gave up to the next. Costs two clock reads where the service is not ready at once, else none.
    pub const fn count_readiness(mut self, counts: bool) -> Self {
        self.counts_readiness = counts;
        self
    }

    /// Builds a timeout of its own, whose limit is shared with no other. There is no duration that it refuses.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    #[must_use]
    pub fn build(self, name: &'static str) -> Timeout {
        Timeout::from_parts(name, self)
    }
}
