use std::sync::Arc;

use crate::BodyTimeoutBuilder;
use crate::{Phase, limit::Limit, observe::metrics::Watch, types::nanos::Nanos};

/// How long the phases of an HTTP response may take, and a name to say so: a cheap handle, given to a
/// [`BodyTimeoutLayer`](super::BodyTimeoutLayer).
///
/// A [`Timeout`](crate::Timeout) ends with the head of the response; this one follows the body to its end.
/// Clones share the limits, so keep one to change them while calls are under way.
#[derive(Clone, Debug)]
pub struct BodyTimeout(Arc<Core>);

#[derive(Debug)]
struct Core {
    name: &'static str,
    headers: Limit,
    idle: Limit,
    whole: Limit,
    watch: Watch,
}

/// The limits of one call, as they were when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) headers: Nanos,
    pub(crate) idle: Nanos,
    pub(crate) whole: Nanos,
}

const PHASES: &[Phase] = &[Phase::Before, Phase::Headers, Phase::Idle, Phase::Body];

// === impl BodyTimeout ===

impl BodyTimeout {
    /// The numbers of a body timeout, to be set one by one or read from a file.
    pub const fn builder() -> BodyTimeoutBuilder {
        BodyTimeoutBuilder::new()
    }

    pub(crate) fn from_parts(name: &'static str, numbers: BodyTimeoutBuilder) -> Self {
        Self(Arc::new(Core {
            name,
            headers: Limit::new(numbers.headers),
            idle: Limit::new(numbers.idle),
            whole: Limit::new(numbers.whole),
            watch: Watch::new(name, PHASES),
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The numbers as they are now.
    pub fn numbers(&self) -> BodyTimeoutBuilder {
        let Limits {
            headers,
            idle,
            whole,
        } = self.limits();
        BodyTimeoutBuilder {
            headers: headers.duration(),
            idle: idle.duration(),
            whole: whole.duration(),
        }
    }

    /// Changes the numbers, of this handle and of all its clones, without blocking anybody.
    ///
    /// A response is bounded by what was there when its call began; those under way keep theirs. A
    /// call that begins while this runs may have some of its limits from before.
    pub fn reconfigure(&self, numbers: BodyTimeoutBuilder) {
        self.0.headers.store(numbers.headers);
        self.0.idle.store(numbers.idle);
        self.0.whole.store(numbers.whole);
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            headers: self.0.headers.load(),
            idle: self.0.idle.load(),
            whole: self.0.whole.load(),
        }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
    }
}
