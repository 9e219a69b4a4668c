use tower_layer::Layer;

use crate::{CircuitBreaker, CircuitBreakerLayer, ErrIsFailure, IntoError, WaitService};

/// Puts a service behind a circuit breaker for which calls wait, instead of being rejected.
///
/// Made by [`CircuitBreakerLayer::wait`]. As nothing is rejected, the error type needs no room for
/// [`Open`](crate::Open). Its service clones the inner one for each call (`S: Clone`), since it waits in the
/// call's future: first until the circuit lets the call in, then for that clone to be ready. So who waits
/// holds nothing of the inner service.
///
/// How long a call waits is not bounded here, nor how many do: each is a future that its caller holds
/// anyway. Put a timeout, or a bulkhead with a queue, outside.
///
/// An inner service that is not `Clone` is refused by the compiler:
///
/// ```compile_fail,E0277
/// # use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
/// # use tower::{Layer, Service, util::BoxService};
/// fn is_service(_: impl Service<(), Error = String>) {}
/// # fn waiting(breaker: CircuitBreaker, not_clone: BoxService<(), (), String>) {
/// is_service(CircuitBreakerLayer::new(breaker).wait().layer(not_clone));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WaitLayer<C = ErrIsFailure, B = CircuitBreaker> {
    breaker: CircuitBreakerLayer<C, IntoError, B>,
}

impl<C, B> CircuitBreakerLayer<C, IntoError, B> {
    /// Lets calls wait until the circuit lets them in, instead of rejecting them.
    ///
    /// There is no `on_reject` beside it: nothing would be rejected.
    #[must_use]
    pub const fn wait(self) -> WaitLayer<C, B> {
        WaitLayer { breaker: self }
    }
}

impl<S, C: Clone, B: Clone> Layer<S> for WaitLayer<C, B> {
    type Service = WaitService<S, C, B>;

    fn layer(&self, inner: S) -> Self::Service {
        let CircuitBreakerLayer {
            classifier, guard, ..
        } = self.breaker.clone();
        WaitService::new(inner, classifier, guard)
    }
}
