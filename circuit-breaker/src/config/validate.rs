//! What the numbers of a builder amount to, if they can work; and the same in words, for the state
//! machine to share.
//!
//! A number of the builder stands in three places of this file: it is checked in `validate`, kept
//! in [`Config`], and has its place in the words.

use super::{
    Builder,
    builder::Numbers,
    multiplier::Multiplier,
    probes::{Rule, Trial},
    ramp::Steps,
    row::row,
    wait::Waits,
    window::minimum,
};
use crate::{
    types::{InvalidConfig, InvalidConfigKind, OnCancel, Ratio, ticks::ticks},
    window::{Limits, Shape},
};

/// The numbers of a breaker, checked, in ticks (nanoseconds) of at most
/// [`NEVER`](crate::types::ticks::NEVER).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) trial: Trial,
    /// The window and its limits, where a ratio opens the breaker.
    pub(crate) window: Option<(Shape, Limits)>,
    /// How many failures in a row open the breaker; 0 where they do not.
    pub(crate) in_a_row: u32,
    /// How long after the last failure the row is forgotten.
    pub(crate) row_age: u64,
    pub(crate) wait: Waits,
    /// The longest wait that a backend may ask for.
    pub(crate) max_asked_wait: u64,
    /// From how many ticks on a call is slow, where that matters.
    pub(crate) slow_after: Option<u64>,
    pub(super) on_cancel: OnCancel,
    /// How all calls come back once the probes have closed the breaker.
    pub(crate) ramp: Option<Steps>,
}

/// A backend that fails every other call is of no use.
const HALF: Option<Ratio> = Ratio::new(0.5);

// === impl Builder ===

impl Builder {
    /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked where they
    /// are read, before there is a name.
    ///
    /// A builder that comes from a file has been checked.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::{CircuitBreaker, InvalidConfigKind};
    ///
    /// let builder = CircuitBreaker::builder().failure_ratio(0.5);
    /// assert_eq!(builder.check(), Ok(()));
    /// let refused = builder.probes(0).check().unwrap_err();
    /// assert_eq!((refused.name(), refused.kind()), (None, InvalidConfigKind::Probes));
    /// ```
    pub const fn check(&self) -> Result<(), InvalidConfig> {
        match self.validate() {
            Ok(_) => Ok(()),
            Err(kind) => Err(kind.unnamed()),
        }
    }

    /// Refuses an empty name too.
    pub(crate) const fn validate_for(self, name: &str) -> Result<Config, InvalidConfigKind> {
        if name.is_empty() {
            return Err(InvalidConfigKind::EmptyName);
        }
        self.validate()
    }

    pub(crate) const fn validate(self) -> Result<Config, InvalidConfigKind> {
        let Numbers {
            failure_ratio,
            failure_count,
            slow_ratio,
            slow_after,
            window,
            minimum_calls,
            consecutive_failures,
            forget_failures_after,
            wait_in_open,
            max_retry_after,
            probes,
            probe_deadline,
            on_cancel,
            evaluate_every_call,
            ramp,
        } = self.0;
        let failed = match share(failure_ratio) {
            Ok(failed) => failed,
            Err(found) => return Err(InvalidConfigKind::FailureRatio(found)),
        };
        let slow = match share(slow_ratio) {
            Ok(slow) => slow,
            Err(found) => return Err(InvalidConfigKind::SlowRatio(found)),
        };
        let slow_after = match slow_after {
            Some(limit) if limit.is_zero() => return Err(InvalidConfigKind::SlowAfter),
            Some(limit) => Some(ticks(limit)),
            None => None,
        };
        let on_cancel = match (on_cancel, slow_after) {
            (Some(OnCancel::FailureIfSlow), None) => return Err(InvalidConfigKind::SlowAfter),
            (_, None) if slow.is_some() => return Err(InvalidConfigKind::SlowAfter),
            (Some(on_cancel), _) => on_cancel,
            (None, Some(_)) => OnCancel::FailureIfSlow,
            (None, None) => OnCancel::Ignored,
        };
        let (in_a_row, row_age) = match row(consecutive_failures, forget_failures_after) {
            Ok(row) => row,
            Err(invalid) => return Err(invalid),
        };
        let Some((shape, most)) = window.shape() else {
            return Err(InvalidConfigKind::Window);
        };
        let count = match failure_count {
            Some(failures) if failures == 0 || failures > most => {
                return Err(InvalidConfigKind::FailureCount(failures));
            }
            Some(failures) => failures,
            None => 0,
        };
        let minimum = match minimum(minimum_calls, most) {
            Ok(minimum) => minimum,
            Err(found) => return Err(InvalidConfigKind::MinimumCalls(found)),
        };
        let Some(wait) = wait_in_open.waits() else {
            return Err(InvalidConfigKind::WaitInOpen);
        };
        if !probes.are_valid() {
            return Err(InvalidConfigKind::Probes);
        }
        if probe_deadline.is_zero() {
            return Err(InvalidConfigKind::ProbeDeadline);
        }
        let ramp = match ramp {
            None => None,
            Some(ramp) => match ramp.steps() {
                None => return Err(InvalidConfigKind::Ramp),
                steps => steps,
            },
        };
        let looks_at_window = failed.is_some() || slow.is_some() || count > 0;
        let limits = Limits {
            minimum,
            failed: if looks_at_window { failed } else { HALF },
            count,
            slow,
            every_call: evaluate_every_call,
        };
        Ok(Config {
            trial: Trial {
                rule: rule(probes.successes, failed),
                results: probes.results,
                in_flight: probes.in_flight_limit(),
                time: ticks(probe_deadline),
            },
            window: if looks_at_window || in_a_row == 0 {
                Some((shape, limits))
            } else {
                None
            },
            in_a_row,
            row_age,
            wait,
            max_asked_wait: ticks(max_retry_after),
            slow_after,
            on_cancel,
            ramp,
        })
    }
}

/// How probes decide: by how many have to succeed, or by the failure ratio.
const fn rule(successes: Option<u32>, failed: Option<Ratio>) -> Rule {
    match (successes, failed) {
        (Some(needed), _) => Rule::Successes(needed),
        (None, Some(ratio)) => Rule::Share(ratio),
        (None, None) => Rule::Share(HALF.expect("it is a share")),
    }
}

/// `Err` with the number if it is not a share.
const fn share(ratio: Option<f64>) -> Result<Option<Ratio>, f64> {
    match ratio {
        None => Ok(None),
        Some(found) => match Ratio::new(found) {
            None => Err(found),
            ratio => Ok(ratio),
        },
    }
}

// === impl Config ===

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
