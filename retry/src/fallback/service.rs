use std::{
    fmt,
    future::Future,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use crate::{
    fallback::{FallbackFuture, FallbackLayer},
    policy::{Classify, Replay},
};

/// A service whose failed calls are answered in another way. Made by [`FallbackLayer`].
///
/// `poll_ready` is the inner service's, except that an error of it is kept for the next call, which is then answered in
/// its place. A clone does not have that error.
pub struct FallbackService<S, F, E, V, Q, M = ()> {
    inner: S,
    layer: FallbackLayer<F, E, V, Q, M>,
    /// What the last `poll_ready` of the inner service failed with.
    not_ready: Option<E>,
}

impl<S, F, E, V, Q, M> FallbackService<S, F, E, V, Q, M> {
    pub(super) const fn new(inner: S, layer: FallbackLayer<F, E, V, Q, M>) -> Self {
        Self {
            inner,
            layer,
            not_ready: None,
        }
    }
}

impl<S, Req, F, Fut, E, V, Q, M> Service<Req> for FallbackService<S, F, E, V, Q, M>
where
    S: Service<Req, Error = E>,
    F: Fn(Req, Result<S::Response, E>) -> Fut + Clone,
    Fut: Future<Output = Result<S::Response, E>>,
    V: Classify<Req, S::Response, E, M> + Clone,
    Q: Replay<Req>,
{
    type Response = S::Response;
    type Error = E;
    type Future = FallbackFuture<S, Req, F, Fut, V, M>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.not_ready = ready!(self.inner.poll_ready(cx)).err();
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let parts = self.layer.parts.clone();
        match self.not_ready.take() {
            None => {
                let copy = self.layer.replay.replay(&request);
                FallbackFuture::of_call(self.inner.call(request), copy, parts)
            }
            // The inner service has not seen the request: no copy is needed.
            Some(error) => FallbackFuture::of_error(error, request, parts),
        }
    }
}

impl<S: Clone, F: Clone, E, V: Clone, Q: Clone, M> Clone for FallbackService<S, F, E, V, Q, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.layer.clone())
    }
}

impl<S: fmt::Debug, F, E, V: fmt::Debug, Q: fmt::Debug, M> fmt::Debug
    for FallbackService<S, F, E, V, Q, M>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}
