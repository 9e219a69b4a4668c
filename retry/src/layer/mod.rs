//! The adapter to tower: layer, service and future, and the same policy for tower's own layer.

mod call;
mod future;
mod later;
mod service;
mod source;
#[cfg(feature = "tower")]
mod tower;

use tower_layer::Layer;

use crate::policy::RetryPolicy;

#[cfg(feature = "tower")]
pub use self::tower::{TowerPolicy, TowerWait};
pub use self::{future::ResponseFuture, service::RetryService, source::Source};

/// Tries the calls of a service again as a [`RetryPolicy`] says.
///
/// The layer creates no state: every service it makes shares the budget of its policy.
#[derive(Clone, Copy, Debug)]
pub struct RetryLayer<P = RetryPolicy>(P);

impl<P: Source> RetryLayer<P> {
    /// A layer with this policy.
    #[must_use]
    pub const fn new(policy: P) -> Self {
        Self(policy)
    }
}

impl<S, P: Clone> Layer<S> for RetryLayer<P> {
    type Service = RetryService<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.0.clone())
    }
}
