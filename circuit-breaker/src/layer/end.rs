//! When a call ends and its outcome is recorded.

use std::borrow::Borrow;
#[cfg(feature = "http-body")]
use std::marker::PhantomData;

use super::classify::Classify;
use crate::{
    call::{Call, Core},
    types::Outcome,
};

/// When a call ends: [`AtHead`], or `AtBodyEnd` with the feature `http-body`.
///
/// Sealed. A parameter of the layer, its service and its future, so that one implementation serves both ends.
#[diagnostic::on_unimplemented(
    message = "the response `{Res}` has no body whose end this layer could wait for",
    label = "a call with this response does not end with a body",
    note = "`.until_body_end()` and `.grpc()` need a service that answers with an `http::Response<B>`, where `B` is an `http_body::Body`"
)]
pub trait CallEnd<Res, C, P: Borrow<Core>>: sealed::Sealed {
    /// The response of the service.
    type Response;

    /// Whether the token can end with the outcome of the head, and `answer` makes the response.
    #[doc(hidden)]
    const ENDS_AT_HEAD: bool = false;

    #[doc(hidden)]
    fn respond<Err>(
        result: Result<Res, Err>,
        token: Call<P>,
        classifier: C,
        outcome: Outcome,
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
/// [`until_body_end`](crate::CircuitBreakerLayer::until_body_end).
#[cfg(feature = "http-body")]
///
/// The compiler infers `N`, which says in what way a rejection is seen in the error type of the body: see
/// [`MayReject`](crate::MayReject).
#[derive(Clone, Copy, Debug, Default)]
pub struct AtBodyEnd<N = ()>(PhantomData<fn() -> N>);

impl<Res, C, P: Borrow<Core>> CallEnd<Res, C, P> for AtHead {
    type Response = Res;

    const ENDS_AT_HEAD: bool = true;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    fn respond<Err>(
        result: Result<Res, Err>,
        token: Call<P>,
        _: C,
        outcome: Outcome,
    ) -> Result<Res, Err> {
        token.end(outcome);
        result
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn answer<Err>(answer: Result<Res, Err>) -> Result<Res, Err> {
        answer
    }
}

#[cfg(feature = "http-body")]
mod body {
    use http::{Response, header::CONTENT_LENGTH};
    use http_body::Body;

    use super::{AtBodyEnd, Borrow, Call, CallEnd, Classify, Core, Outcome, sealed};
    use crate::{
        layer::body::{CallBody, End},
        types::{MayReject, awaits_code},
    };

    impl<B, C, P, N> CallEnd<Response<B>, C, P> for AtBodyEnd<N>
    where
        B: Body<Error: MayReject<N>>,
        P: Borrow<Core>,
    {
        type Response = Response<CallBody<B, C, P>>;

        fn respond<Err>(
            result: Result<Response<B>, Err>,
            token: Call<P>,
            classifier: C,
            outcome: Outcome,
        ) -> Result<Self::Response, Err>
        where
            C: Classify<Response<B>, Err>,
        {
            match result {
                // What follows a head that is good can only be worse.
                Ok(response) if outcome == Outcome::Success => {
                    let awaits_code = awaits_code(&response);
                    let end = End {
                        awaits_code,
                        bytes_left: content_length(&response).filter(|_| !awaits_code),
                        classifier,
                        classify: C::classify_end,
                        of_error: |error| Outcome::of_error(error),
                    };
                    Ok(response.map(|body| CallBody::new(body, token, end)))
                }
                result => {
                    token.end(outcome);
                    Self::answer(result)
                }
            }
        }

        fn answer<Err>(answer: Result<Response<B>, Err>) -> Result<Self::Response, Err> {
            answer.map(|response| response.map(CallBody::ended))
        }
    }

    /// The length of the content that the head announces.
    fn content_length<B>(response: &Response<B>) -> Option<u64> {
        let length = response.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
        length.parse().ok()
    }

    impl<N> sealed::Sealed for AtBodyEnd<N> {}
}

mod sealed {
    #[expect(unnameable_types, reason = "this is what seals `CallEnd`")]
    pub trait Sealed {}
    impl Sealed for super::AtHead {}
}
