use std::{
    marker::PhantomData,
    task::{Context, Poll},
};

use tower_service::Service;

use super::{AtHead, CallEnd, Classify, IntoError, OkIsSuccess, OnReject, ResponseFuture, Source};
use crate::bulkhead::Bulkhead;

/// A service behind a bulkhead, made by [`BulkheadLayer`](crate::BulkheadLayer).
///
/// `poll_ready` is that of the inner service and takes no place: an idle clone, or a ready service that is dropped, holds
/// nothing. `call` takes the place, or answers at once when none is free. An inner service that was made ready and not called
/// stays ready for the next call.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "ConcurrencyLimit")]
#[doc(alias = "LoadShed")]
pub struct BulkheadService<S, C = OkIsSuccess, R = IntoError, B = Bulkhead, E = AtHead> {
    pub(super) inner: S,
    pub(super) classifier: C,
    pub(super) reject: R,
    pub(super) source: B,
    pub(super) end: PhantomData<E>,
}

impl<S, C, R, B, E, Req> Service<Req> for BulkheadService<S, C, R, B, E>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error>,
    B: Source<Req>,
    E: CallEnd<S::Response, B::Pointer, C>,
{
    type Response = E::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, B::Pointer, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made in its final place, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        match self.source.try_acquire(&request) {
            // If the inner `call` panics, unwinding drops the permit.
            Ok(permit) => {
                ResponseFuture::calling(self.inner.call(request), permit, self.classifier.clone())
            }
            Err(full) => ResponseFuture::answered(self.reject.on_reject(full, request)),
        }
    }
}
