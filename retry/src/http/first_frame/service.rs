use std::{
    fmt,
    marker::PhantomData,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{FirstFrameBody, FirstFrameFuture};
use crate::{http::HttpReplay, types::MayReject};

/// A service whose gRPC responses come with their first frame. Made by [`FirstFrameLayer`](crate::FirstFrameLayer).
/// Feature `http`.
///
/// `poll_ready` is that of the inner service.
pub struct FirstFrameService<S, M = ()> {
    inner: S,
    replay: HttpReplay,
    errors: PhantomData<fn() -> M>,
}

impl<S, M> FirstFrameService<S, M> {
    pub(super) const fn new(inner: S, replay: HttpReplay) -> Self {
        Self {
            inner,
            replay,
            errors: PhantomData,
        }
    }
}

impl<S, R, B, M> Service<Request<R>> for FirstFrameService<S, M>
where
    S: Service<Request<R>, Response = Response<B>>,
    R: Body,
    B: Body<Error: MayReject<M>> + Unpin,
{
    type Response = Response<FirstFrameBody<B>>;
    type Error = S::Error;
    type Future = FirstFrameFuture<S::Future, B, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<R>) -> Self::Future {
        let waits = self.replay.may_repeat(&request);
        FirstFrameFuture::new(self.inner.call(request), waits)
    }
}

// Not derived: that would ask for `M: Clone`.
impl<S: Clone, M> Clone for FirstFrameService<S, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.replay)
    }
}

impl<S: Copy, M> Copy for FirstFrameService<S, M> {}

impl<S: fmt::Debug, M> fmt::Debug for FirstFrameService<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstFrameService")
            .field("inner", &self.inner)
            .field("replay", &self.replay)
            .finish()
    }
}
