//! When a window holds too much.

use super::{Counts, Ended, Share, Tracked};
use crate::types::{Cause, Ratio};

/// When the counts of a window open the breaker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The calls from which on a ratio counts.
    pub(crate) minimum: u32,
    /// The share of failures that opens.
    pub(crate) failed: Option<Ratio>,
    /// The number of failures that opens, among any number of calls; 0 where none does.
    pub(crate) count: u32,
    /// The share of slow calls that opens.
    pub(crate) slow: Option<Ratio>,
    pub(crate) every_call: bool,
}

impl Limits {
    pub(crate) const fn tracked(&self) -> Tracked {
        Tracked {
            failed: self.counts_failures(),
            slow: self.slow.is_some(),
            every_call: self.every_call,
        }
    }

    pub(crate) const fn counts_failures(&self) -> bool {
        self.failed.is_some() || self.count > 0
    }

    /// Why the breaker has to open after a call that ended so; `None` if it has not. Failures are
    /// compared first.
    pub(crate) fn exceeded(&self, counts: Counts, ended: Ended) -> Option<Cause> {
        let Counts { failed, slow } = counts;
        // In the order of the documentation: where several hold, the cause is the one that it
        // names first.
        let compared = self.tracked().compared(ended);
        if compared.failed {
            if let Some(cause) = self.exceeded_by_failures(failed) {
                return Some(cause);
            }
        }
        (compared.slow && slow.reaches(self.slow, self.minimum)).then_some(Cause::SlowRatio {
            slow: slow.bad,
            calls: slow.calls,
        })
    }

    /// Why the breaker has to open by the failures among the calls in the window.
    #[inline]
    pub(crate) fn exceeded_by_failures(&self, failed: Share) -> Option<Cause> {
        let Share {
            calls,
            bad: failures,
        } = failed;
        if failed.reaches(self.failed, self.minimum) {
            return Some(Cause::FailureRatio { failures, calls });
        }
        (self.count > 0 && failures >= self.count)
            .then_some(Cause::FailureCount { failures, calls })
    }
}

impl Share {
    #[inline]
    pub(crate) fn reaches(self, ratio: Option<Ratio>, minimum: u32) -> bool {
        self.calls >= minimum && ratio.is_some_and(|ratio| ratio.is_reached(self.bad, self.calls))
    }
}
