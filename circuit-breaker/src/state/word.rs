//! The state of a breaker: one word, and what is published with it.
//!
//! State, generation and counts are one word. So a transition is one write, a call that reads the
//! word sees state, generation and counts of one moment, and a token of an older generation cannot
//! change anything.
//!
//! ```text
//! 63           32 31                          3 2    0
//! [ generation  ][ counts of the state         ][state]
//!                  closed:    failures in a row (29), and so while ramping or only measuring
//!                  half-open: failures (12), successes (12), in flight (5)
//!                  others:    nothing
//! ```
//!
//! What does not fit beside them, the end of the wait and the cause, is written under the
//! transition lock before the word says "open", and read between two loads of the word. If the word
//! is unchanged, both belong to it.

use crate::{
    state::probes::ProbeCounts,
    sync::{
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire, Release},
        },
        const_fn,
    },
    types::{Cause, State},
};

#[derive(Debug)]
pub(super) struct AtomicState {
    word: AtomicU64,
    /// The ticks at which a wait, a ramp or an override ends, of generations in turn: what is
    /// written for the next generation is never taken for the end of this one.
    // Why two: an override may replace an open state or another override, whose readers still read
    // its end. The end for generation g + 1 goes to the other word. If g + 2 has written over that
    // of g, the state word has changed, and the reader's second load shows it.
    until: [AtomicU64; 2],
    cause: AtomicU64,
    /// The numbers of the overrides of forced-open states, of generations in turn, as `until`.
    forced_by: [AtomicU64; 2],
}

/// A packed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// A [`Word`] without its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed { in_a_row: u32 },
    Open,
    HalfOpen(ProbeCounts),
    ForcedOpen,
    Disabled,
    MetricsOnly { in_a_row: u32 },
    Ramping { in_a_row: u32 },
}

// Why the end of the wait is not in the word: an exact instant does not fit beside the generation.
// Three forms were tried on paper: low bits in the word and a shared reference for the high bits
// (wrong after a long stall of a loser), slots tagged by generation (a stale claim after enough
// resets), and the end in place of the generation (two read-modify-writes, and a race on equal
// instants). All fail for one reason: two calls that open at once hold different ends and causes,
// and the loser may write last. So the thread that opens takes a lock, writes end and cause, and
// publishes both with the word.
//
// Seven states need three bits. Probes in flight, at most 16, need five, which leaves twelve for
// each kind of result. A generation has 32 bits; 29 are left for failures in a row.
/// The largest count of failures in a row that there is room for.
pub(super) const MAX_IN_A_ROW: u32 = (1 << (GENERATION_SHIFT - STATE_BITS)) - 1;
const STATE_BITS: u32 = 3;
const STATE_MASK: u64 = (1 << STATE_BITS) - 1;
const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: u64 = !0 << GENERATION_SHIFT;
const RESULT_BITS: u32 = 12;
const RESULT_MASK: u32 = (1 << RESULT_BITS) - 1;
const IN_FLIGHT_BITS: u32 = 5;

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const FORCED_OPEN: u64 = 3;
const DISABLED: u64 = 4;
const METRICS_ONLY: u64 = 5;
const RAMPING: u64 = 6;

// === impl AtomicState ===

impl AtomicState {
    const_fn! {
        pub(super) fn new() -> Self {
            Self {
                // Closed, generation 0, no failures: 0.
                word: AtomicU64::new(0),
                until: [AtomicU64::new(0), AtomicU64::new(0)],
                cause: AtomicU64::new(Cause::NONE),
                forced_by: [AtomicU64::new(0), AtomicU64::new(0)],
            }
        }
    }

    #[inline]
    pub(super) fn load(&self) -> Word {
        // Acquire pairs with the Release of every write to the word: a thread that sees a state
        // sees what was written for it.
        Word(self.word.load(Acquire))
    }

    /// Changes the counts of a state: a compare-and-swap within one generation.
    // One read-modify-write a decision: a load and a store would lose the count of a concurrent
    // call.
    pub(super) fn swap(&self, from: Word, to: Word) -> bool {
        self.word
            // AcqRel: the counts that this publishes were decided on the word that it read, so
            // everything before that word's write happens before this one. A failure needs nothing:
            // the caller loads again.
            .compare_exchange(from.0, to.0, AcqRel, Acquire)
            .is_ok()
    }

    /// Enters another generation, whatever the counts of this one are by now. Returns the word that
    /// was left. Only under the transition lock, which keeps every other change of generation away.
    pub(super) fn enter(&self, next: Word) -> Word {
        // A store would do, but to loom a store and a compare-and-swap that did not read from it
        // have no order.
        Word(self.word.swap(next.0, AcqRel))
    }

    /// The tick at which the state of `word` ends. If it is already that of the generation after
    /// the next, the word has changed, and a second load shows it.
    #[inline]
    pub(super) fn until(&self, word: Word) -> u64 {
        // Acquire pairs with the Release in `set_until`: a thread that reads the end of a later
        // state sees a later word in its second load.
        self.until[word.turn()].load(Acquire)
    }

    /// Sets the end of a state that is about to be entered. Only under the transition lock.
    pub(super) fn set_until(&self, next: Word, until: u64) {
        // Release, and before the word: a thread that sees the state sees its end.
        self.until[next.turn()].store(until, Release);
    }

    /// The number of the override of `word`, which is forced open. If it is already that of another
    /// generation, a second load of the word shows it.
    pub(super) fn forced_by(&self, word: Word) -> u64 {
        // Acquire, as in `until`.
        self.forced_by[word.turn()].load(Acquire)
    }

    /// Sets the number of the override of a forced-open state that is about to be entered. Only under
    /// the transition lock.
    pub(super) fn set_forced_by(&self, next: Word, number: u64) {
        // Release, and before the word, as in `set_until`.
        self.forced_by[next.turn()].store(number, Release);
    }

    /// Why the breaker opened last, packed.
    #[inline]
    pub(super) fn cause(&self) -> u64 {
        // Acquire, as in `until`.
        self.cause.load(Acquire)
    }

    /// Only under the transition lock; before the word of the state that has this cause.
    pub(super) fn set_cause(&self, bits: u64) {
        // Release, as in `set_until`.
        self.cause.store(bits, Release);
    }
}

// === impl Word ===

impl Word {
    pub(super) const fn new(generation: u32, phase: Phase) -> Self {
        let (state, counts) = match phase {
            Phase::Closed { in_a_row } => (CLOSED, in_a_row),
            Phase::Open => (OPEN, 0),
            Phase::ForcedOpen => (FORCED_OPEN, 0),
            Phase::Disabled => (DISABLED, 0),
            Phase::MetricsOnly { in_a_row } => (METRICS_ONLY, in_a_row),
            Phase::Ramping { in_a_row } => (RAMPING, in_a_row),
            Phase::HalfOpen(probes) => (
                HALF_OPEN,
                probes.in_flight
                    | (probes.successes << IN_FLIGHT_BITS)
                    | (probes.failures << (IN_FLIGHT_BITS + RESULT_BITS)),
            ),
        };
        // `as`: `u64::from` is not const. Both widen.
        Self(((generation as u64) << GENERATION_SHIFT) | ((counts as u64) << STATE_BITS) | state)
    }

    /// The generation alone, in its place.
    #[inline]
    pub(super) const fn generation_bits(self) -> u64 {
        self.0 & GENERATION_MASK
    }

    /// Counts transitions. A token with another one is late.
    #[inline]
    pub(super) const fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the generation above is what is cut off"
    )]
    pub(super) const fn phase(self) -> Phase {
        let counts = (self.0 as u32) >> STATE_BITS;
        match self.0 & STATE_MASK {
            CLOSED => Phase::Closed { in_a_row: counts },
            OPEN => Phase::Open,
            FORCED_OPEN => Phase::ForcedOpen,
            DISABLED => Phase::Disabled,
            METRICS_ONLY => Phase::MetricsOnly { in_a_row: counts },
            RAMPING => Phase::Ramping { in_a_row: counts },
            _ => Phase::HalfOpen(ProbeCounts {
                in_flight: counts & ((1 << IN_FLIGHT_BITS) - 1),
                successes: (counts >> IN_FLIGHT_BITS) & RESULT_MASK,
                failures: (counts >> (IN_FLIGHT_BITS + RESULT_BITS)) & RESULT_MASK,
            }),
        }
    }

    /// The same state with other counts.
    pub(super) const fn with(self, phase: Phase) -> Self {
        Self::new(self.generation(), phase)
    }

    /// The state after this one. A generation comes again after 2^32 transitions: at one a second,
    /// in 136 years.
    pub(super) const fn next(self, phase: Phase) -> Self {
        Self::new(self.generation().wrapping_add(1), phase)
    }

    /// Whether it is closed. One comparison.
    #[inline]
    pub(super) const fn is_closed(self) -> bool {
        self.0 & STATE_MASK == CLOSED
    }

    /// Whether it is open. One comparison.
    #[inline]
    pub(super) const fn is_open(self) -> bool {
        self.0 & STATE_MASK == OPEN
    }

    #[inline]
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// Failures in a row, if it still records calls in `generation`: closed, ramping, or only
    /// measuring.
    pub(super) const fn records_in(self, generation: u32) -> Option<u32> {
        if self.generation() != generation {
            return None;
        }
        self.phase().in_a_row()
    }

    /// Whether a failure may still open it in `generation`: closed or ramping.
    pub(super) const fn may_open_in(self, generation: u32) -> bool {
        let may_open = matches!(self.phase(), Phase::Closed { .. } | Phase::Ramping { .. });
        may_open && self.generation() == generation
    }

    /// The same state, which records calls, with this number of failures in a row.
    pub(super) const fn with_in_a_row(self, in_a_row: u32) -> Self {
        Self(self.0 & (GENERATION_MASK | STATE_MASK) | ((in_a_row as u64) << STATE_BITS))
    }

    /// The counts, if it is still half-open in `generation`.
    pub(super) const fn half_open_in(self, generation: u32) -> Option<ProbeCounts> {
        match self.phase() {
            Phase::HalfOpen(probes) if self.generation() == generation => Some(probes),
            _ => None,
        }
    }

    const fn turn(self) -> usize {
        (self.generation() % 2) as usize
    }
}

// === impl Phase ===

impl Phase {
    pub(super) const CLOSED: Self = Self::Closed { in_a_row: 0 };

    pub(super) const fn state(self) -> State {
        match self {
            Self::Closed { .. } => State::Closed,
            Self::Open => State::Open,
            Self::HalfOpen(_) => State::HalfOpen,
            Self::ForcedOpen => State::ForcedOpen,
            Self::Disabled => State::Disabled,
            Self::MetricsOnly { .. } => State::MetricsOnly,
            Self::Ramping { .. } => State::Ramping,
        }
    }

    /// Failures in a row, where they are counted.
    pub(super) const fn in_a_row(self) -> Option<u32> {
        match self {
            Self::Closed { in_a_row }
            | Self::MetricsOnly { in_a_row }
            | Self::Ramping { in_a_row } => Some(in_a_row),
            _ => None,
        }
    }

    /// Whether a member of a family takes one of the places for open members.
    pub(super) const fn takes_place(self) -> bool {
        // Half-open too: the probes may open it again, and it rejects most calls.
        matches!(self, Self::Open | Self::HalfOpen(_) | Self::ForcedOpen)
    }

    /// Whether an operator decided on it.
    pub(super) const fn is_override(self) -> bool {
        matches!(
            self,
            Self::ForcedOpen | Self::Disabled | Self::MetricsOnly { .. }
        )
    }

    /// The same state with nothing counted; closed, unless it is an operator's.
    pub(super) const fn afresh(self) -> Self {
        match self {
            Self::ForcedOpen | Self::Disabled => self,
            Self::MetricsOnly { .. } => Self::MetricsOnly { in_a_row: 0 },
            _ => Self::CLOSED,
        }
    }
}
