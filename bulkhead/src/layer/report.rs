//! Feature `http-body`: when a response is reported whose head is a success.

use std::fmt;

use http::{HeaderMap, Response};
use http_body::Body;

use super::Classify;
use crate::{
    permit::{Permit, Start},
    state::Pointer,
    types::{BodyEnd, Outcome, awaits_code},
};

/// What is still to be reported of a call whose head was a success.
// A response is reported at its head, except one of gRPC whose code is to come. That is reported with its first data, which
// shows that the service had capacity for the call, or with its code if there is none. So a gRPC call that fails without an
// answer is an overload and nothing else, and a stream that lasts for hours, or is read slowly, withholds no sample. If the
// stream meets an overload later, that is reported too: it is news of another moment.
//
// The latency is always that of the head. What follows takes as long as the client reads, which says nothing of the
// dependency.
pub(super) struct Report<P: Pointer, C> {
    classifier: C,
    // A pointer, so that the type of a body does not name the error of the service.
    classify_end: fn(&C, BodyEnd<'_>) -> Outcome,
    awaits_code: bool,
    /// When the head was ready. `None` once the success was reported.
    unreported: Option<Start<P>>,
}

impl<P: Pointer, C> Report<P, C> {
    /// `None` where nothing is to be reported after the head.
    pub(super) fn of_head<B: Body, Err>(
        response: &Response<B>,
        outcome: Outcome,
        permit: &Permit<P>,
        classifier: C,
    ) -> Option<Self>
    where
        C: Classify<Response<B>, Err>,
    {
        if outcome != Outcome::Success {
            permit.report(outcome);
            return None;
        }
        let awaits_code = awaits_code(response);
        let is_late = awaits_code || response.body().is_end_stream();
        if !is_late {
            permit.report(outcome);
        }
        Some(Self {
            classifier,
            classify_end: C::classify_end,
            awaits_code,
            unreported: is_late.then(|| permit.now()),
        })
    }

    /// The body had a message.
    pub(super) fn data(&mut self, permit: &Permit<P>) {
        if let Some(head) = self.unreported.take() {
            permit.report_until(head, Outcome::Success);
        }
    }

    /// The body ended, and did not fail.
    pub(super) fn end(self, permit: &Permit<P>, trailers: Option<&HeaderMap>) {
        let end = BodyEnd::new(self.awaits_code, trailers);
        let outcome = (self.classify_end)(&self.classifier, end);
        match self.unreported {
            Some(head) => permit.report_until(head, outcome),
            None if outcome == Outcome::Overload => permit.report(outcome),
            None => {}
        }
    }
}

impl<P: Pointer, C> fmt::Debug for Report<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}
