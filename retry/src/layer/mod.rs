//! The adapter to tower: layer, service and future, and the same policy for tower's own layer.

mod call;
mod future;
mod later;
mod service;
mod source;
#[cfg(feature = "tower")]
mod tower;

use std::{fmt, marker::PhantomData};

use tower_layer::Layer;

use crate::policy::RetryPolicy;

#[cfg(feature = "tower")]
pub use self::tower::{TowerPolicy, TowerWait};
pub use self::{
    future::ResponseFuture,
    service::RetryService,
    source::{Source, SourceOf},
};

/// Tries the calls of a service again as a [`RetryPolicy`] says.
///
/// The layer creates no state: every service it makes shares the budget of its policy.
///
/// The compiler infers `M`, which says in what way rejections are seen in the error type of the service: see
/// [`MayReject`](crate::MayReject). Where a type is written out, such as that of a field, leave `M` away for an error type
/// that implements `Error` or a policy with a closure, and write `RetryLayer<RetryPolicy, Boxed>` for tower's `BoxError`.
pub struct RetryLayer<P = RetryPolicy, M = ()> {
    policy: P,
    errors: PhantomData<fn() -> M>,
}

impl<P: Source, M> RetryLayer<P, M> {
    /// A layer with this policy.
    #[must_use]
    pub const fn new(policy: P) -> Self {
        Self {
            policy,
            errors: PhantomData,
        }
    }

    pub(crate) const fn policy(&self) -> &P {
        &self.policy
    }
}

impl<S, P: Clone, M> Layer<S> for RetryLayer<P, M> {
    type Service = RetryService<S, P, M>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.policy.clone())
    }
}

// Not derived: that would ask for `M: Clone`, and leave `M` open where nothing else decides it.
impl<P: Clone, M> Clone for RetryLayer<P, M> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            errors: PhantomData,
        }
    }
}

impl<P: Copy, M> Copy for RetryLayer<P, M> {}

impl<P: fmt::Debug, M> fmt::Debug for RetryLayer<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetryLayer").field(&self.policy).finish()
    }
}
