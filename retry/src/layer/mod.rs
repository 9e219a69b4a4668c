pub(crate) mod future;
mod service;
mod source;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "tower")]
pub use self::tower::{TowerPolicy, TowerWait};
pub use self::{service::RetryService, source::Guard};

use tower_layer::Layer;

use crate::policy::RetryPolicy;

/// Tries the calls of a service again as a [`RetryPolicy`] says.
///
/// The layer mints no state: whatever it is applied to shares the budget of its policy.
#[derive(Clone, Copy, Debug)]
pub struct RetryLayer<P = RetryPolicy>(P);

impl<P> RetryLayer<P> {
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
