//! When a call ends and its place is free again.

use super::Classify;
use crate::{permit::Permit, state::Pointer, types::Outcome};

/// When a call ends: [`AtHead`], or `AtBodyEnd` with the feature `http-body`.
///
/// Sealed. A parameter of the layer, its service and its future, so that one implementation serves both ends.
#[diagnostic::on_unimplemented(
    message = "the response `{Res}` has no body whose end this layer could wait for",
    label = "a call with this response does not end with a body",
    note = "`.until_body_end()` and `.grpc()` need a service that answers with an `http::Response<B>`, where `B` is an `http_body::Body`"
)]
pub trait CallEnd<Res, P: Pointer, C>: sealed::Sealed {
    /// The response of the service.
    type Response;

    #[doc(hidden)]
    fn respond<Err>(
        result: Result<Res, Err>,
        permit: Permit<P>,
        outcome: Outcome,
        classifier: C,
    ) -> Result<Self::Response, Err>
    where
        C: Classify<Res, Err>;

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

impl<Res, P: Pointer, C> CallEnd<Res, P, C> for AtHead {
    type Response = Res;

    #[inline]
    fn respond<Err>(
        result: Result<Res, Err>,
        permit: Permit<P>,
        outcome: Outcome,
        _: C,
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

    use super::{AtBodyEnd, CallEnd, Classify, Outcome, Permit, Pointer, sealed};
    use crate::layer::{PermitBody, report::Report};

    impl<B: Body, P: Pointer, C> CallEnd<Response<B>, P, C> for AtBodyEnd {
        type Response = Response<PermitBody<B, P, C>>;

        fn respond<Err>(
            result: Result<Response<B>, Err>,
            permit: Permit<P>,
            outcome: Outcome,
            classifier: C,
        ) -> Result<Self::Response, Err>
        where
            C: Classify<Response<B>, Err>,
        {
            match result {
                Ok(response) => {
                    let report = Report::of_head(&response, outcome, &permit, classifier);
                    Ok(response.map(|body| PermitBody::new(body, permit, report)))
                }
                Err(error) => {
                    permit.finish(outcome);
                    Err(error)
                }
            }
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
