use std::time::Duration;

use crate::{
    circuit::Circuit,
    settings::{NEVER, Settings, after, ticks},
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
    word::{Phase, Word},
};

/// The gradual return of a circuit that has recovered: it lets in a rising share of the calls, each for a
/// time, before it lets in all.
///
/// The share is of the calls that come, evenly and without chance: at 25 % every fourth is let in. The
/// others are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a ramp does nothing until it is given to `Builder::ramp`"]
pub struct Ramp {
    pub(crate) step: Duration,
    /// Of a hundred calls. 0 after the last; `None` if they could never work.
    pub(crate) shares: Option<[u8; MOST_STEPS]>,
}

/// A [`Ramp`] in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) step: u64,
    pub(crate) shares: [u8; MOST_STEPS],
}

/// So many shares of eight bits fit into a word; eight doublings are more than from 1 % to all.
const MOST_STEPS: usize = 8;
/// A share of all.
const WHOLE: u64 = 100;

// === impl Ramp ===

impl Ramp {
    /// 10 %, 25 %, 50 % of the calls, each share for `step`; then all.
    ///
    /// `step` is from 1 ns; all steps together are no more than 36 years.
    pub const fn new(step: Duration) -> Self {
        Self { step, shares: None }.percent(&[10, 25, 50])
    }

    /// Other shares of a hundred calls: one to eight of them, rising, from 1 to 99.
    pub const fn percent(mut self, shares: &[u8]) -> Self {
        let mut steps = [0; MOST_STEPS];
        let mut before = 0;
        let mut index = 0;
        let mut is_valid = !shares.is_empty() && shares.len() <= MOST_STEPS;
        while is_valid && index < shares.len() {
            is_valid = before < shares[index] && (shares[index] as u64) < WHOLE;
            before = shares[index];
            steps[index] = before;
            index += 1;
        }
        self.shares = if is_valid { Some(steps) } else { None };
        self
    }

    /// `None` if it could never work.
    pub(crate) const fn steps(self) -> Option<Steps> {
        let step = ticks(self.step);
        match self.shares {
            Some(shares) if step > 0 => Some(Steps { step, shares }),
            _ => None,
        }
    }
}

// === impl Steps ===

impl Steps {
    /// When a ramp that begins at `now` is over.
    pub(crate) fn end(&self, now: u64) -> u64 {
        // Below 2^60 * 8: no overflow.
        after(now, (self.step * self.count()).min(NEVER))
    }

    /// The share of a hundred calls that is let in so long before the end of the ramp, and how long until a
    /// larger one is.
    pub(crate) fn share(&self, left: u64) -> (u64, u64) {
        // The last step is the one that begins one step before the end.
        let steps_left = left.div_ceil(self.step).clamp(1, self.count());
        #[expect(clippy::cast_possible_truncation, reason = "at most eight")]
        let index = (self.count() - steps_left) as usize;
        let until = left - (steps_left - 1) * self.step;
        (self.shares[index].into(), until)
    }

    fn count(&self) -> u64 {
        self.shares.iter().filter(|share| **share > 0).count() as u64
    }
}

// === impl Circuit ===

impl Circuit {
    /// Closes a half-open circuit, by a ramp where there is one, and returns what was left. Only under the
    /// transition lock.
    pub(crate) fn close(&self, word: Word, now: u64) -> Word {
        let phase = match self.live.read().1.ramp {
            None => Phase::Closed { in_a_row: 0 },
            Some(steps) => {
                let ramping = Phase::Ramping { in_a_row: 0 };
                // Release, and before the word, as in `enter_open`. Relaxed: see `is_among`.
                self.until(word.next(ramping))
                    .store(steps.end(now), Release);
                self.arrivals.store(0, Relaxed);
                ramping
            }
        };
        self.enter(word, phase, None, None, now)
    }

    /// The share of a hundred calls that a circuit lets in which is ramping, and how long until a larger one
    /// is, in ticks. Without a ramp, which somebody has taken away since: all, and nothing.
    pub(crate) fn ramp(&self, settings: &Settings, word: Word, now: u64) -> (u64, u64) {
        // Acquire: as in `advance`. If it is that of another state, the caller's look at the word shows it.
        let left = self.until(word).load(Acquire).saturating_sub(now);
        (settings.ramp).map_or((WHOLE, 0), |steps| steps.share(left))
    }

    /// The share of a hundred calls that is let in.
    pub(crate) fn share(&self, settings: &Settings, word: Word, now: u64) -> u64 {
        match word.phase() {
            Phase::Ramping { .. } => self.ramp(settings, word, now).0,
            Phase::Open | Phase::ForcedOpen | Phase::HalfOpen(_) => 0,
            Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => WHOLE,
        }
    }

    /// Whether the call that comes now is among `share` of a hundred.
    pub(crate) fn is_among(&self, share: u64) -> bool {
        // Relaxed: a number for each, and nothing else. A call of another ramp that was held up before this
        // takes one number of this one.
        is_among(self.arrivals.fetch_add(1, Relaxed), share)
    }
}

/// Whether the call with this number, of those that come during a ramp, is among `share` of a hundred: of any
/// hundred in a row exactly so many are, and of the first few their share, rounded up.
pub(crate) const fn is_among(number: u64, share: u64) -> bool {
    // It begins anew after a hundred, so that nothing overflows.
    let before = number % WHOLE;
    ((before + 1) * share).div_ceil(WHOLE) > (before * share).div_ceil(WHOLE)
}
