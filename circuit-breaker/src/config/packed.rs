//! The numbers of a breaker in words, for the state machine to share.

use super::{
    Config,
    multiplier::Multiplier,
    probes::{Rule, Trial},
    ramp::Steps,
    wait::Waits,
};
use crate::{
    types::{OnCancel, Ratio},
    window::{Limits, Shape},
};

// Which word holds what. Words 0 to 2 hold the shape of the window.
/// The kind of the window (2 bits), whether every call is evaluated (1), the count of failures (24,
/// from the eighth on), the minimum (the upper 32).
const WINDOW: usize = 3;
/// Two ratios, 32 bits each; 0 where there is none.
const RATIOS: usize = 4;
/// Failures in a row (32 bits), what cancelled calls are (2), the multiplier of the wait (30).
const CALLS: usize = 5;
/// Probes: results (12 bits), successes (12), in flight (8 of the upper 32).
const PROBES: usize = 6;
/// The ratio by which probes decide, and that of jitter.
const SHARES: usize = 7;
const WAIT: usize = 8;
const WAIT_CAP: usize = 9;
const PROBE_TIME: usize = 10;
/// All ones where nothing is slow.
const SLOW_AFTER: usize = 11;
const RAMP_STEP: usize = 12;
/// Eight shares of eight bits; 0 where there is no ramp.
const RAMP_SHARES: usize = 13;
const MAX_ASKED_WAIT: usize = 14;
const ROW_AGE: usize = 15;

const EVERY_CALL: u64 = 1 << 2;
const COUNT_SHIFT: u32 = 8;
const COUNT_MASK: u64 = (1 << 24) - 1;
const MULTIPLIER_SHIFT: u32 = 2;

impl Config {
    pub(crate) const WORDS: usize = 16;

    pub(crate) const fn pack(&self) -> [u64; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        if let Some((shape, limits)) = self.window {
            [words[0], words[1], words[2]] = shape.pack();
            words[WINDOW] = shape.kind()
                | ((limits.count as u64) << COUNT_SHIFT)
                | ((limits.minimum as u64) << 32);
            if limits.every_call {
                words[WINDOW] |= EVERY_CALL;
            }
            words[RATIOS] = pair(Ratio::bits(limits.failed), Ratio::bits(limits.slow));
        }
        words[CALLS] = pair(
            self.in_a_row,
            match self.on_cancel {
                OnCancel::Ignored => 0,
                OnCancel::Failure => 1,
                OnCancel::FailureIfSlow => 2,
            } | (self.wait.multiplier.bits() << MULTIPLIER_SHIFT),
        );
        let (rule, needed) = match self.trial.rule {
            Rule::Share(ratio) => (Some(ratio), 0),
            Rule::Successes(needed) => (None, needed),
        };
        words[PROBES] = pair(
            self.trial.results | (needed << 12),
            self.trial.in_flight as u32,
        );
        words[SHARES] = pair(Ratio::bits(rule), Ratio::bits(self.wait.jitter));
        words[WAIT] = self.wait.first;
        words[WAIT_CAP] = self.wait.cap;
        words[MAX_ASKED_WAIT] = self.max_asked_wait;
        words[ROW_AGE] = self.row_age;
        words[PROBE_TIME] = self.trial.time;
        words[SLOW_AFTER] = match self.slow_after {
            Some(limit) => limit,
            None => u64::MAX,
        };
        if let Some(steps) = self.ramp {
            words[RAMP_STEP] = steps.step;
            words[RAMP_SHARES] = u64::from_le_bytes(steps.shares);
        }
        words
    }

    pub(crate) fn unpack(words: &[u64; Self::WORDS]) -> Self {
        let word = |index: usize| words[index];
        let (in_a_row, row_age) = Self::unpack_row(word);
        let (_, calls) = halves(word(CALLS));
        let shape = Shape::unpack(word(WINDOW) & Shape::KINDS, word);
        Self {
            trial: Self::unpack_trial(word),
            window: shape.map(|shape| (shape, Self::unpack_limits(word))),
            in_a_row,
            row_age,
            wait: Waits {
                first: word(WAIT),
                cap: word(WAIT_CAP),
                multiplier: Multiplier::from_bits(calls >> MULTIPLIER_SHIFT),
                jitter: Ratio::from_bits(halves(word(SHARES)).1),
            },
            max_asked_wait: word(MAX_ASKED_WAIT),
            slow_after: (word(SLOW_AFTER) != u64::MAX).then_some(word(SLOW_AFTER)),
            on_cancel: match calls & ((1 << MULTIPLIER_SHIFT) - 1) {
                0 => OnCancel::Ignored,
                1 => OnCancel::Failure,
                _ => OnCancel::FailureIfSlow,
            },
            ramp: (word(RAMP_SHARES) != 0).then(|| Steps {
                step: word(RAMP_STEP),
                shares: word(RAMP_SHARES).to_le_bytes(),
            }),
        }
    }

    // The parts that a call needs beside the shape, each from the words that hold it. `word` reads the
    // word at an index.

    /// The limits of a window, where there is one.
    #[inline]
    pub(crate) fn unpack_limits(word: impl Fn(usize) -> u64) -> Limits {
        let (window, (failed, slow)) = (word(WINDOW), halves(word(RATIOS)));
        Limits {
            minimum: halves(window).1,
            failed: Ratio::from_bits(failed),
            count: ((window >> COUNT_SHIFT) & COUNT_MASK) as u32,
            slow: Ratio::from_bits(slow),
            every_call: window & EVERY_CALL != 0,
        }
    }

    /// How many failures in a row open, 0 where they do not, and after how many ticks they are
    /// forgotten.
    #[inline]
    pub(crate) fn unpack_row(word: impl Fn(usize) -> u64) -> (u32, u64) {
        (halves(word(CALLS)).0, word(ROW_AGE))
    }

    pub(crate) fn unpack_trial(word: impl Fn(usize) -> u64) -> Trial {
        let (results, in_flight) = halves(word(PROBES));
        let (rule, _) = halves(word(SHARES));
        Trial {
            rule: match Ratio::from_bits(rule) {
                Some(ratio) => Rule::Share(ratio),
                None => Rule::Successes(results >> 12),
            },
            results: results & 0xfff,
            #[expect(clippy::cast_possible_truncation, reason = "packed from eight bits")]
            in_flight: in_flight as u8,
            time: word(PROBE_TIME),
        }
    }
}

const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | ((high as u64) << 32)
}

#[expect(clippy::cast_possible_truncation, reason = "this is what halves are")]
const fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}
