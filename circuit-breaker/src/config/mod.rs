//! The numbers of a breaker: as the user writes them, and as the state machine needs them.

mod builder;
#[cfg(feature = "serde")]
mod duration;
mod probes;
mod ramp;
mod validate;
mod wait;
mod window;

pub use self::{builder::Builder, probes::Probes, ramp::Ramp, wait::Wait, window::Window};
pub(crate) use self::{probes::Trial, validate::Config};
use crate::types::{End, OnCancel, Outcome};

impl Config {
    /// Whether the end of a call needs a time even if nothing opens.
    pub(crate) const fn needs_time(&self) -> bool {
        match self.window {
            Some((shape, _)) if shape.needs_time() => true,
            _ => self.slow_after.is_some(),
        }
    }

    /// Whether a call that began at `started` is slow at `now`.
    pub(crate) fn is_slow(&self, started: u64, now: u64) -> bool {
        (self.slow_after).is_some_and(|limit| now.saturating_sub(started) >= limit)
    }

    /// Whether a call that ended so has failed; `None` if it does not count.
    pub(crate) fn has_failed(&self, end: End, slow: bool) -> Option<bool> {
        match end {
            End::Finished(Outcome::Success) => Some(false),
            End::Finished(Outcome::Failure | Outcome::FailureFor(_)) => Some(true),
            End::Finished(Outcome::Ignored) => None,
            End::Cancelled => match self.on_cancel {
                OnCancel::Ignored => None,
                OnCancel::Failure => Some(true),
                OnCancel::FailureIfSlow => slow.then_some(true),
            },
        }
    }
}
