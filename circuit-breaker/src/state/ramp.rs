//! The ramp: which calls are among the admitted share, and how large that is.

use super::{
    StateMachine,
    order::{HUNDRED, Hundred},
    word::{Phase, Word},
};
use crate::{
    config::Config,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn,
    },
    types::Cause,
};

/// Numbers the calls that come during a ramp.
#[derive(Debug)]
pub(super) struct Arrivals(AtomicU64);

/// A share of all.
const WHOLE: u64 = HUNDRED as u64;

impl Arrivals {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Whether the call that comes now, on the ramp of `generation`, is among `share` of a hundred.
    pub(super) fn admit_next(&self, generation: u32, share: u64) -> bool {
        // Relaxed: a number for each, and nothing else. A call of another ramp that was delayed
        // before this takes one number of this one. Counting instead of chance: the share is exact
        // over each hundred calls, and a test needs no seed.
        is_among(generation, self.0.fetch_add(1, Relaxed), share)
    }

    fn restart(&self) {
        // Relaxed: as above.
        self.0.store(0, Relaxed);
    }
}

impl StateMachine {
    /// Closes a half-open breaker, by a ramp where there is one, and returns the word that was
    /// left. Only under the transition lock.
    pub(super) fn close(&self, word: Word, now: u64) -> Word {
        // The ramp is a state and not a flag of the closed one: it has an end, a generation and a window,
        // and a failure on it opens for longer.
        let phase = match self.config.read().1.ramp {
            None => Phase::CLOSED,
            Some(steps) => {
                let ramping = Phase::Ramping { in_a_row: 0 };
                // Before the word, as in `enter_open`.
                self.state.set_until(word.next(ramping), steps.end(now));
                self.arrivals.restart();
                ramping
            }
        };
        self.enter(word, phase, Cause::ProbesSucceeded, None, now)
    }

    /// The share of a hundred calls that a ramping breaker admits, and how long until a larger one
    /// is, in ticks. Without a ramp, which a reconfiguration may have taken away since: all, and
    /// nothing.
    pub(super) fn ramp(&self, config: &Config, word: Word, now: u64) -> (u64, u64) {
        // If it is the end of another state, the caller's second load of the word shows it.
        // From the end backwards: the end is published with the word, the beginning is not.
        let left = self.state.until(word).saturating_sub(now);
        (config.ramp).map_or((WHOLE, 0), |steps| steps.share(left))
    }

    /// The share of a hundred calls that is admitted.
    pub(super) fn share(&self, config: &Config, word: Word, now: u64) -> u64 {
        match word.phase() {
            Phase::Ramping { .. } => self.ramp(config, word, now).0,
            Phase::Open | Phase::ForcedOpen | Phase::HalfOpen(_) => 0,
            Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => WHOLE,
        }
    }
}

/// Whether the call with this number is among `share` of a hundred, on the ramp of `generation`.
///
/// Of each hundred exactly that many are, in an order that is not periodic: otherwise the admitted
/// calls could all be of one kind. In the first hundred they are never fewer than their share of the calls
/// so far, so the first call of a ramp is among them.
#[expect(clippy::cast_possible_truncation, reason = "at most a hundred")]
pub(crate) fn is_among(generation: u32, number: u64, share: u64) -> bool {
    let (hundred, position) = (number / WHOLE, number % WHOLE);
    let hundred = Hundred {
        // After a hundred hundreds the order is that of another ramp.
        began: u64::from(generation) + hundred / WHOLE,
        number: (hundred % WHOLE) as u32,
        rejections: (WHOLE - share) as u32,
    };
    !hundred.is_available(position as u32)
}
