//! When a call ends and is counted.
//!
//! With [`AtBodyEnd`](crate::AtBodyEnd) the head decides first: bad or excluded is counted at once. At the end of the
//! body the classifier sees the trailers, as the response is no longer there. A body that is dropped before its end is a
//! cancelled call, as it is unknown who dropped it.

use std::{borrow::Borrow, time::Duration};

use tokio::time::Instant;

use crate::{layer::Classify, observation::Observation, record::Core, types::Event};

/// When a call ends: [`AtHead`], or [`AtBodyEnd`](crate::AtBodyEnd) with the feature `http-body`.
///
/// Sealed. A parameter of the layer, its service and its future, so that one implementation serves both ends.
#[diagnostic::on_unimplemented(
    message = "a `{Res}` has no body whose end a call could await",
    label = "`.until_body_end()` and `.grpc()` await the end of an `http_body::Body`",
    note = "put the layer around a service whose response is an `http::Response` with such a body,",
    note = "or leave `.until_body_end()` out: the call then ends with its response"
)]
pub trait CallEnd<Res, P: Borrow<Core>, C>: sealed::Sealed {
    /// The response of the service.
    type Response;

    #[doc(hidden)]
    fn respond<Err>(
        result: Result<Res, Err>,
        head: Head<P>,
        classifier: &C,
    ) -> Result<Self::Response, Err>
    where
        C: Classify<Res, Err> + Clone;
}

/// A call whose head is ready.
#[expect(unnameable_types, reason = "an argument of a hidden method")]
#[derive(Debug)]
pub struct Head<P: Borrow<Core>> {
    /// `None` only if the future is polled again after it was ready.
    pub(super) observation: Option<Observation<P>>,
    /// What the head means for the objective; bad if it is too late.
    pub(super) event: Event,
    pub(super) now: Instant,
    /// When the call started, if the latency matters.
    #[cfg_attr(not(feature = "http-body"), expect(dead_code, reason = "for bodies"))]
    pub(super) started: Option<Instant>,
    #[cfg_attr(not(feature = "http-body"), expect(dead_code, reason = "for bodies"))]
    pub(super) slow_after: Duration,
}

/// The call ends when its response is ready. The default.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct AtHead;

/// The call ends when the body of its response ends, fails or is dropped. Made by
/// [`until_body_end`](crate::ErrorBudgetLayer::until_body_end).
#[cfg(feature = "http-body")]
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct AtBodyEnd;

impl<Res, P: Borrow<Core>, C> CallEnd<Res, P, C> for AtHead {
    type Response = Res;

    fn respond<Err>(result: Result<Res, Err>, head: Head<P>, _: &C) -> Result<Res, Err> {
        head.finish();
        result
    }
}

impl<P: Borrow<Core>> Head<P> {
    fn finish(self) {
        if let Some(observation) = self.observation {
            observation.finish_at(self.event, self.now);
        }
    }
}

#[cfg(feature = "http-body")]
mod body {
    use http::{Response, header::CONTENT_LENGTH};
    use http_body::Body;

    use super::{AtBodyEnd, Borrow, CallEnd, Classify, Core, Event, Head, sealed};
    use crate::{
        layer::body::{Awaited, ObservedBody},
        types::awaits_code,
    };

    impl<B: Body, P: Borrow<Core>, C> CallEnd<Response<B>, P, C> for AtBodyEnd {
        type Response = Response<ObservedBody<B, P, C>>;

        fn respond<Err>(
            result: Result<Response<B>, Err>,
            head: Head<P>,
            classifier: &C,
        ) -> Result<Self::Response, Err>
        where
            C: Classify<Response<B>, Err> + Clone,
        {
            let mut awaited = None;
            match &result {
                Ok(response) if head.event == Event::Good => {
                    // `None` if the body may end at any time.
                    let deadline =
                        (head.started).and_then(|started| started.checked_add(head.slow_after));
                    let awaits_code = awaits_code(response);
                    awaited = head.observation.map(|observation| Awaited {
                        observation,
                        classifier: classifier.clone(),
                        classify_end: C::classify_end,
                        awaits_code,
                        bytes_left: content_length(response).filter(|_| !awaits_code),
                        deadline,
                    });
                }
                // What is bad or excluded is counted at once: no body makes it good.
                _ => head.finish(),
            }
            result.map(|response| response.map(|body| ObservedBody::new(body, awaited)))
        }
    }

    /// The length of the content that the head announces.
    fn content_length<B>(response: &Response<B>) -> Option<u64> {
        let length = response.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
        length.parse().ok()
    }

    impl sealed::Sealed for AtBodyEnd {}
}

mod sealed {
    #[expect(unnameable_types, reason = "this seals `CallEnd`")]
    pub trait Sealed {}
    impl Sealed for super::AtHead {}
}
