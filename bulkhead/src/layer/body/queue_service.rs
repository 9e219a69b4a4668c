use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::{
    Bulkhead, Classify, DeadlineOf, Ignore, IntoError, NoDeadline, OnReject, PermitBody,
    QueueBodyFuture, QueueService, Source,
};

/// A service made by [`QueueBodyLayer`](crate::QueueBodyLayer). Always ready, and reserves nothing, as [`QueueService`].
#[derive(Clone, Copy, Debug)]
pub struct QueueBodyService<S, C = Ignore, R = IntoError, D = NoDeadline, B = Bulkhead>(
    QueueService<S, C, R, D, B>,
);

impl<S, C, R, D, B> QueueBodyService<S, C, R, D, B> {
    pub(crate) const fn new(queue: QueueService<S, C, R, D, B>) -> Self {
        Self(queue)
    }
}

impl<S, C, R, D, B, In, Out> Service<Request<In>> for QueueBodyService<S, C, R, D, B>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone,
    Out: http_body::Body,
    C: Classify<Response<Out>, S::Error> + Clone,
    R: OnReject<Request<In>, Response<Out>, S::Error> + Clone,
    D: DeadlineOf<Request<In>>,
    B: Source<Request<In>>,
{
    type Response = Response<PermitBody<Out, B::Pointer>>;
    type Error = S::Error;
    type Future = QueueBodyFuture<S, Request<In>, C, R, B::Pointer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        match self.0.receive(request) {
            Ok(begun) => QueueBodyFuture::begun(begun),
            Err((waiter, bounds)) => QueueBodyFuture::waiting(waiter, bounds),
        }
    }
}
