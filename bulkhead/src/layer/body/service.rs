use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::{BodyFuture, Bulkhead, Classify, Ignore, IntoError, OnReject, PermitBody, Source};

/// A service made by [`BodyLayer`](crate::BodyLayer). Ready as [`BulkheadService`](crate::BulkheadService) is.
#[derive(Clone, Copy, Debug)]
pub struct BodyService<S, C = Ignore, R = IntoError, B = Bulkhead> {
    inner: S,
    classifier: C,
    reject: R,
    guard: B,
}

impl<S, C, R, B> BodyService<S, C, R, B> {
    pub(crate) const fn new(inner: S, classifier: C, reject: R, guard: B) -> Self {
        Self {
            inner,
            classifier,
            reject,
            guard,
        }
    }
}

impl<S, C, R, B, In, Out> Service<Request<In>> for BodyService<S, C, R, B>
where
    S: Service<Request<In>, Response = Response<Out>>,
    Out: http_body::Body,
    C: Classify<Response<Out>, S::Error> + Clone,
    R: OnReject<Request<In>, Response<Out>, S::Error>,
    B: Source<Request<In>>,
{
    type Response = Response<PermitBody<Out, B::Pointer>>;
    type Error = S::Error;
    type Future = BodyFuture<S::Future, C, B::Pointer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        match self.guard.try_acquire(&request) {
            Ok(permit) => {
                BodyFuture::calling(self.inner.call(request), permit, self.classifier.clone())
            }
            Err(full) => BodyFuture::answered(self.reject.on_reject(full, request)),
        }
    }
}
