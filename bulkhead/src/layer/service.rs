use std::task::{Context, Poll};

use tower_service::Service;

use crate::{Bulkhead, Classify, Ignore, IntoError, OnReject, Source, future::ResponseFuture};

/// A service behind a bulkhead, made by [`BulkheadLayer`](crate::BulkheadLayer).
///
/// `poll_ready` is the inner service's and takes no place: an idle clone, or a ready service that is
/// dropped, holds nothing. The place is taken in `call`, which answers at once when there is none; the
/// inner service, ready and not called, then stays ready for the next call.
#[derive(Clone, Copy, Debug)]
pub struct BulkheadService<S, C = Ignore, R = IntoError, B = Bulkhead> {
    inner: S,
    classifier: C,
    reject: R,
    guard: B,
}

impl<S, C, R, B> BulkheadService<S, C, R, B> {
    pub(crate) const fn new(inner: S, classifier: C, reject: R, guard: B) -> Self {
        Self {
            inner,
            classifier,
            reject,
            guard,
        }
    }
}

impl<S, C, R, B, Req> Service<Req> for BulkheadService<S, C, R, B>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error>,
    B: Source<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, B::Pointer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made where it is to lie, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        match self.guard.try_acquire(&request) {
            // If the inner `call` panics, the permit is dropped on the way out.
            Ok(permit) => {
                ResponseFuture::calling(self.inner.call(request), permit, self.classifier.clone())
            }
            Err(full) => ResponseFuture::answered(self.reject.on_reject(full, request)),
        }
    }
}
