//! Limits for the phases of an HTTP response (feature `http-body`): the handle, and the error of a body.

mod layer;
mod service;
mod stream;

use std::{error::Error, fmt, sync::Arc};

pub use self::{
    layer::BodyTimeoutLayer,
    service::{BodyResponseFuture, BodyTimeoutService},
    stream::TimeoutBody,
};
use crate::{
    config::BodyTimeoutBuilder,
    limit::Limit,
    observe::{self, Watch},
    types::{Elapsed, InvalidConfig, Label, Name, Nanos, Phase},
};

/// Named limits for the phases of an HTTP response: a cheap handle for a [`BodyTimeoutLayer`].
///
/// A [`Timeout`](crate::Timeout) ends with the head of the response. This one follows the body to its end.
/// Clones share the limits. Keep one to change the limits while calls run.
///
/// [`reconfigure`](Self::reconfigure) is the one way to change them: it has no `force_limit` and no `on_event`. The record of
/// who changed what is with the code that reconfigures.
///
/// With the feature `metrics`, a `BodyTimeout` and a [`Timeout`](crate::Timeout) of one name share the metrics, and the label
/// `phase` tells them apart: `headers`, `idle` and `body` are of this one, `call` of the other, and `before` of both, which
/// add up there. With the feature `tracing`, the field `kind` of its events is `body_timeout`.
#[derive(Clone, Debug)]
pub struct BodyTimeout(Arc<Core>);

#[derive(Debug)]
struct Core {
    label: Label,
    /// In the order of [`Limits`].
    limits: [Limit; 3],
    watch: Watch,
}

/// The limits of one call, as they were when it began: head, idle body, whole body.
type Limits = [Nanos; 3];

/// Why a [`TimeoutBody`] ended early.
///
/// The error of the inner body is boxed, so that every body can have limits, and so that the result is
/// `Into<Box<dyn Error + Send + Sync>>`, as axum and hyper require. An elapsed body takes no allocation.
/// [`Elapsed::find`] finds the value inside.
// `B::Error: From<Elapsed>` is out of reach, as `hyper::Error` and `axum::Error` are foreign types. A generic
// `BodyError<E>` cannot have a source both for `E: Error` and for a boxed error, which is no `Error`.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// The body took longer than a limit.
    Elapsed(Elapsed),
    /// The inner body failed.
    Inner(Box<dyn Error + Send + Sync>),
}

const PHASES: &[Phase] = &[Phase::Before, Phase::Headers, Phase::Idle, Phase::Body];

// === impl BodyTimeout ===

impl BodyTimeout {
    /// Returns a builder with no limits.
    pub const fn builder() -> BodyTimeoutBuilder {
        BodyTimeoutBuilder::new()
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.label.name()
    }

    /// Returns the current settings.
    pub fn numbers(&self) -> BodyTimeoutBuilder {
        let [headers, idle, whole] = self.limits().map(Nanos::duration);
        Self::builder().headers(headers).idle(idle).whole(whole)
    }

    /// Changes the limits for this handle and its clones. Never blocks.
    ///
    /// They apply to calls that begin from now on. A call that begins during the change may see some limits from
    /// before.
    ///
    /// # Errors
    ///
    /// None today, as for [`Timeout::reconfigure`](crate::Timeout::reconfigure).
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the type that a reload finds at every handle"
    )]
    pub fn reconfigure(&self, to: BodyTimeoutBuilder) -> Result<(), InvalidConfig> {
        observe::configured("body_timeout", self.name(), to.check());
        for (limit, new) in self.0.limits.iter().zip(to.phases()) {
            limit.store(new);
        }
        Ok(())
    }

    /// As [`Timeout::resolve_metrics`](crate::Timeout::resolve_metrics).
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        self.0.watch.resolve();
    }

    fn limits(&self) -> Limits {
        self.0.limits.each_ref().map(Limit::load)
    }

    fn label(&self) -> Label {
        self.0.label
    }

    fn watch(&self) -> &Watch {
        &self.0.watch
    }
}

// === impl BodyTimeoutBuilder ===

impl BodyTimeoutBuilder {
    /// Builds a timeout that shares its limits with no other. Every setting is valid.
    ///
    /// With the feature `metrics`, the series of two timeouts with one name add up: give each its own.
    #[must_use]
    pub fn build(self, name: impl Into<Name>) -> BodyTimeout {
        let name = name.into().as_str();
        observe::configured("body_timeout", name, self.check());
        BodyTimeout(Arc::new(Core {
            label: Label::of(name),
            limits: self.phases().map(Limit::new),
            watch: Watch::new(name, PHASES),
        }))
    }
}

// === impl BodyError ===

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elapsed(_) => "the response body took too long",
            Self::Inner(_) => "the response body failed",
        })
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Elapsed(elapsed) => elapsed,
            Self::Inner(error) => error.as_ref(),
        })
    }
}
