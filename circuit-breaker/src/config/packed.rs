//! Numbers of a circuit as words, so that they can be shared.

use crate::{
    OnCancel,
    buckets::Grid,
    ramp::Steps,
    ratio::Ratio,
    recent::Last,
    settings::{Measured, Over, Rule, Settings, Trial},
    sync::{atomic::AtomicU64, const_fn},
    wait::Waits,
};

pub(crate) const WORDS: usize = 14;
pub(crate) type Words = [u64; WORDS];

// Which word holds what.
const BUCKET: usize = 0;
const RECIPROCAL: usize = 1;
const ORIGIN: usize = 2;
/// Of the window: its kind (2 bits), whether successes may open (1), its ring or its calls (11), the minimum (19).
const WINDOW: usize = 3;
/// Two ratios, 32 bits each; 0 where there is none.
const RATIOS: usize = 4;
/// Failures in a row (32 bits), what cancelled calls are (2).
const CALLS: usize = 5;
/// Probes: results (12 bits), successes (12), in flight (8).
const PROBES: usize = 6;
/// The ratio that probes go by, and that of jitter.
const SHARES: usize = 7;
const WAIT: usize = 8;
const WAIT_CAP: usize = 9;
const PROBE_TIME: usize = 10;
/// All ones where nothing is slow.
const SLOW_AFTER: usize = 11;
const RAMP_STEP: usize = 12;
/// Eight shares of eight bits; 0 where there is no ramp.
const RAMP_SHARES: usize = 13;

const BY_TIME: u64 = 1;
const BY_CALLS: u64 = 2;
const JUDGES_ALL: u64 = 1 << 2;
const SIZE_SHIFT: u32 = 3;
const MINIMUM_SHIFT: u32 = 32;

const_fn! {
    pub(crate) fn atomics(w: &Words) -> [AtomicU64; WORDS] {
        // One by one, as there is no other way to fill an array in a `const fn`.
        [
            AtomicU64::new(w[0]), AtomicU64::new(w[1]), AtomicU64::new(w[2]), AtomicU64::new(w[3]),
            AtomicU64::new(w[4]), AtomicU64::new(w[5]), AtomicU64::new(w[6]), AtomicU64::new(w[7]),
            AtomicU64::new(w[8]), AtomicU64::new(w[9]), AtomicU64::new(w[10]), AtomicU64::new(w[11]),
            AtomicU64::new(w[12]), AtomicU64::new(w[13]),
        ]
    }
}

/// The words that say how a window of time is cut, each asked for by its place.
#[inline]
pub(crate) fn grid(word: impl Fn(usize) -> u64) -> Grid {
    Grid {
        bucket: word(BUCKET),
        reciprocal: word(RECIPROCAL),
        origin: word(ORIGIN),
        ring: ((word(WINDOW) >> SIZE_SHIFT) & 1) as usize,
    }
}

/// The words that say how a window of calls is numbered, each asked for by its place.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "packed from 32 bits")]
pub(crate) fn last(word: impl Fn(usize) -> u64) -> Last {
    Last {
        size: word(WINDOW) as u32 >> SIZE_SHIFT,
        origin: word(ORIGIN) as u32,
    }
}

/// The words that say from how many calls on which share of failures is too much, each asked for by its place.
#[inline]
pub(crate) fn threshold(word: impl Fn(usize) -> u64) -> (u32, Option<Ratio>) {
    let (_, minimum) = halves(word(WINDOW));
    (minimum, Ratio::from_bits(halves(word(RATIOS)).0))
}

/// The words that say how a half-open circuit tries the backend, each asked for by its place.
pub(crate) fn trial(word: impl Fn(usize) -> u64) -> Trial {
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

pub(crate) const fn pack(settings: &Settings) -> Words {
    let mut words = [0; WORDS];
    if let Some(window) = settings.window {
        words[WINDOW] = match window.over {
            Over::Time(grid) => {
                words[BUCKET] = grid.bucket;
                words[RECIPROCAL] = grid.reciprocal;
                words[ORIGIN] = grid.origin;
                BY_TIME | ((grid.ring as u64) << SIZE_SHIFT)
            }
            Over::Calls(last) => {
                words[ORIGIN] = last.origin as u64;
                BY_CALLS | ((last.size as u64) << SIZE_SHIFT)
            }
        };
        words[WINDOW] |= (window.minimum as u64) << MINIMUM_SHIFT;
        if window.judges_all {
            words[WINDOW] |= JUDGES_ALL;
        }
        words[RATIOS] = pair(Ratio::bits(window.failed), Ratio::bits(window.slow));
    }
    words[CALLS] = pair(
        settings.in_a_row,
        match settings.on_cancel {
            OnCancel::Ignored => 0,
            OnCancel::Failure => 1,
            OnCancel::FailureIfSlow => 2,
        },
    );
    let (rule, needed) = match settings.trial.rule {
        Rule::Share(ratio) => (Some(ratio), 0),
        Rule::Successes(needed) => (None, needed),
    };
    words[PROBES] = pair(
        settings.trial.results | (needed << 12),
        settings.trial.in_flight as u32,
    );
    words[SHARES] = pair(Ratio::bits(rule), Ratio::bits(settings.wait.jitter));
    words[WAIT] = settings.wait.first;
    words[WAIT_CAP] = settings.wait.cap;
    words[PROBE_TIME] = settings.trial.time;
    words[SLOW_AFTER] = match settings.slow_after {
        Some(limit) => limit,
        None => u64::MAX,
    };
    if let Some(steps) = settings.ramp {
        words[RAMP_STEP] = steps.step;
        words[RAMP_SHARES] = u64::from_le_bytes(steps.shares);
    }
    words
}

pub(crate) fn unpack(words: &Words) -> Settings {
    let (failed, slow) = halves(words[RATIOS]);
    let (in_a_row, on_cancel) = halves(words[CALLS]);
    let (_, jitter) = halves(words[SHARES]);
    let (window, minimum) = halves(words[WINDOW]);
    let over = match u64::from(window) & (BY_TIME | BY_CALLS) {
        BY_TIME => Some(Over::Time(grid(|index| words[index]))),
        BY_CALLS => Some(Over::Calls(last(|index| words[index]))),
        _ => None,
    };
    Settings {
        trial: trial(|index| words[index]),
        window: over.map(|over| Measured {
            over,
            minimum,
            failed: Ratio::from_bits(failed),
            slow: Ratio::from_bits(slow),
            judges_all: u64::from(window) & JUDGES_ALL != 0,
        }),
        in_a_row,
        wait: Waits {
            first: words[WAIT],
            cap: words[WAIT_CAP],
            jitter: Ratio::from_bits(jitter),
        },
        slow_after: (words[SLOW_AFTER] != u64::MAX).then_some(words[SLOW_AFTER]),
        on_cancel: match on_cancel {
            0 => OnCancel::Ignored,
            1 => OnCancel::Failure,
            _ => OnCancel::FailureIfSlow,
        },
        ramp: (words[RAMP_SHARES] != 0).then(|| Steps {
            step: words[RAMP_STEP],
            shares: words[RAMP_SHARES].to_le_bytes(),
        }),
    }
}

const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | ((high as u64) << 32)
}

#[expect(clippy::cast_possible_truncation, reason = "this is what halves are")]
const fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}
