//! Feature `http-body`: a call after the head of its response.

use std::borrow::Borrow;

use tokio::time::Instant;

use super::{Call, Core};
use crate::{
    observe::HAS_METRICS,
    state::Admission,
    types::{End, Outcome, ticks::elapsed},
};

/// A call whose response has a good head, and a body that may still make it a failure.
///
/// How long the body takes depends on its reader, so the time in it is not part of the call's: a call is slow by the time
/// until its head.
pub(crate) struct AnsweredCall<P: Borrow<Core>> {
    call: Call<P>,
    /// When the head came, where it matters.
    head: Option<Instant>,
}

impl<P: Borrow<Core>> Call<P> {
    /// The head of the response is here, and is good. `None` if that ends the call: a probe does not wait for a body, only
    /// for the first frame of one that is expected to bring a code.
    pub(crate) fn answered(mut self, awaits_code: bool) -> Option<AnsweredCall<P>> {
        let admission = self.admission?;
        if !admission.is_probe() {
            let head = (HAS_METRICS || admission.is_timed()).then(Instant::now);
            return Some(AnsweredCall { call: self, head });
        }
        let core = self.core().borrow();
        let ticks = || core.ticks(Instant::now());
        let answered = awaits_code.then(|| core.machine().answer_probe(admission, ticks));
        let Some(admission) = answered.flatten() else {
            self.end(Outcome::Success);
            return None;
        };
        self.admission = Some(admission);
        let head = HAS_METRICS.then(Instant::now);
        Some(AnsweredCall { call: self, head })
    }
}

impl<P: Borrow<Core>> AnsweredCall<P> {
    pub(crate) fn is_probe(&self) -> bool {
        self.call.admission.is_some_and(Admission::is_probe)
    }

    pub(crate) fn end(mut self, outcome: Outcome) {
        let end = End::Finished(outcome);
        if self.head.is_none() {
            return self.call.record(end, Instant::now);
        }
        let now = Instant::now();
        self.leave_out_body(now);
        self.call.record(end, || now);
    }

    fn leave_out_body(&mut self, now: Instant) {
        if let Some(head) = self.head.take() {
            let time = now.saturating_duration_since(head);
            self.call.begun = self.call.begun.later(time);
            if let Some(admission) = &mut self.call.admission {
                *admission = admission.later(elapsed(time));
            }
        }
    }
}

impl<P: Borrow<Core>> Drop for AnsweredCall<P> {
    fn drop(&mut self) {
        if self.head.is_some() {
            let now = Instant::now();
            self.leave_out_body(now);
            self.call.cancel(|| now);
        }
    }
}
