//! When a call ends and its place is free again.

use crate::{permit::Permit, state::Pointer, types::Outcome};

/// When a call ends: [`AtHead`], or `AtBodyEnd` with the feature `http-body`.
///
/// Sealed. A parameter of the layer, its service and its future, so that one implementation serves both ends.
pub trait CallEnd<Res, P: Pointer>: sealed::Sealed {
    /// The response of the service.
    type Response;

    #[doc(hidden)]
    fn respond<Err>(
        result: Result<Res, Err>,
        permit: Permit<P>,
        outcome: Outcome,
    ) -> Result<Self::Response, Err>;

    #[doc(hidden)]
    fn answer<Err>(answer: Result<Res, Err>) -> Result<Self::Response, Err>;
}

/// The call ends when its response is ready. The default.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct AtHead;

/// The call ends when the body of its response ends, fails or is dropped. Made by
/// [`until_body_end`](crate::BulkheadLayer::until_body_end).
#[cfg(feature = "http-body")]
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct AtBodyEnd;

impl<Res, P: Pointer> CallEnd<Res, P> for AtHead {
    type Response = Res;

    #[inline]
    fn respond<Err>(
        result: Result<Res, Err>,
        permit: Permit<P>,
        outcome: Outcome,
    ) -> Result<Res, Err> {
        permit.finish(outcome);
        result
    }

    #[inline]
    fn answer<Err>(answer: Result<Res, Err>) -> Result<Res, Err> {
        answer
    }
}

#[cfg(feature = "http-body")]
mod body {
    use http::Response;
    use http_body::Body;

    use super::{AtBodyEnd, CallEnd, Outcome, Permit, Pointer, sealed};
    use crate::layer::PermitBody;

    impl<B: Body, P: Pointer> CallEnd<Response<B>, P> for AtBodyEnd {
        type Response = Response<PermitBody<B, P>>;

        fn respond<Err>(
            result: Result<Response<B>, Err>,
            permit: Permit<P>,
            outcome: Outcome,
        ) -> Result<Self::Response, Err> {
            // At the head. What follows takes as long as the client reads, which says nothing of the dependency.
            permit.report(outcome);
            result.map(|response| response.map(|body| PermitBody::new(body, permit)))
        }

        fn answer<Err>(answer: Result<Response<B>, Err>) -> Result<Self::Response, Err> {
            answer.map(|response| response.map(PermitBody::without_place))
        }
    }

    impl sealed::Sealed for AtBodyEnd {}
}

mod sealed {
    #[expect(unnameable_types, reason = "this is what seals `CallEnd`")]
    pub trait Sealed {}
    impl Sealed for super::AtHead {}
}
