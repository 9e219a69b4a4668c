//! The numbers of a breaker: as the user writes them, and as the state machine needs them.

mod builder;
#[cfg(feature = "serde")]
pub(crate) mod duration;
mod multiplier;
mod packed;
mod presets;
#[cfg(feature = "serde")]
mod printed;
mod probes;
mod ramp;
mod row;
#[cfg(feature = "serde")]
mod table;
mod validate;
mod wait;
mod window;

pub use self::{builder::Builder, probes::Probes, ramp::Ramp, wait::Wait, window::Window};
pub(crate) use self::{probes::Trial, validate::Config, wait::Waits};
use crate::types::{End, OnCancel, Outcome};

/// The least time for which an opening is remembered where no window of time says it: as long as
/// the default window.
const REMEMBERED: u64 = 10_000_000_000;

/// For a variant with fields.
#[cfg(feature = "serde")]
fn from_table<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    serde::Deserialize::deserialize(from).map(|table::Table(read)| read)
}

impl Config {
    /// How long a closed breaker remembers the last of this number of openings, in ticks: for as
    /// long as the next wait, and at least for the length of a window of time.
    // Derived, and not one more number of the builder: it fits waits of 100 ms and of an hour, because
    // waits that grow far beyond the healthy time between two openings would cost more calls than
    // they save. (Envoy's outlier detection forgets an ejection in each interval of 10 s, whatever
    // the ejection time.) The window is a lower bound because a backend that still fails opens the
    // breaker within one window: a wait of a second would be forgotten before.
    pub(crate) fn remembers_for(&self, openings: u32) -> u64 {
        let window = self.window.and_then(|(shape, _)| shape.length());
        let next_wait = self.wait.without_jitter(openings);
        next_wait.max(window.unwrap_or(REMEMBERED))
    }

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
