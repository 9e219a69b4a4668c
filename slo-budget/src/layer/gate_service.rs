use std::task::{Context, Poll};

use tower_service::Service;

use crate::{
    gate::{AllOptional, ClassOf, Gate},
    layer::{Admit, IntoError, OnReject, future::GateFuture},
};

/// A service behind a gate, made by [`GateLayer`](crate::GateLayer).
///
/// `poll_ready` is the inner service's. The gate is asked in `call`, which answers at once when it is
/// closed; the inner service, ready and not called, then stays ready for the next call.
#[derive(Clone, Copy, Debug)]
pub struct GateService<S, R = IntoError, K = AllOptional, G = Gate> {
    inner: S,
    reject: R,
    class: K,
    gate: G,
}

impl<S, R, K, G> GateService<S, R, K, G> {
    pub(crate) const fn new(inner: S, reject: R, class: K, gate: G) -> Self {
        Self {
            inner,
            reject,
            class,
            gate,
        }
    }
}

impl<S, R, K, G, Req> Service<Req> for GateService<S, R, K, G>
where
    S: Service<Req>,
    R: OnReject<Req, S::Response, S::Error>,
    K: ClassOf<Req>,
    G: Admit<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = GateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        match self.gate.admit(self.class.class(&request), &request) {
            Ok(()) => GateFuture::calling(self.inner.call(request)),
            Err(spent) => GateFuture::answered(self.reject.on_reject(spent, request)),
        }
    }
}
