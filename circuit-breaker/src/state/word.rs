//! The state of a circuit, packed into one word, so that a transition is one write and a call that reads
//! it sees state, generation and counts of one moment.
//!
//! ```text
//! 63           32 31                          3 2    0
//! [ generation  ][ counts of the state         ][state]
//!                  closed:    failures in a row (29), and so while ramping or only measuring
//!                  half-open: failures (12), successes (12), in flight (5)
//!                  others:    nothing
//! ```

use crate::{State, tally::Tally};

const STATE_BITS: u32 = 3;
const STATE_MASK: u64 = (1 << STATE_BITS) - 1;
const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: u64 = !0 << GENERATION_SHIFT;
const RESULT_BITS: u32 = 12;
const IN_FLIGHT_BITS: u32 = 5;

/// The largest count of failures in a row that the word has room for.
pub(crate) const MAX_IN_A_ROW: u32 = (1 << (GENERATION_SHIFT - STATE_BITS)) - 1;
/// The largest number of probe results that the word has room for.
pub(crate) const MAX_RESULTS: u32 = (1 << RESULT_BITS) - 1;

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const FORCED_OPEN: u64 = 3;
const DISABLED: u64 = 4;
const METRICS_ONLY: u64 = 5;
const RAMPING: u64 = 6;

/// A packed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

/// What a [`Word`] says but for its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Closed { in_a_row: u32 },
    Open,
    HalfOpen(Tally),
    ForcedOpen,
    Disabled,
    MetricsOnly { in_a_row: u32 },
    Ramping { in_a_row: u32 },
}

// === impl Word ===

impl Word {
    pub(crate) const fn new(generation: u32, phase: Phase) -> Self {
        let (state, counts) = match phase {
            Phase::Closed { in_a_row } => (CLOSED, in_a_row),
            Phase::Open => (OPEN, 0),
            Phase::ForcedOpen => (FORCED_OPEN, 0),
            Phase::Disabled => (DISABLED, 0),
            Phase::MetricsOnly { in_a_row } => (METRICS_ONLY, in_a_row),
            Phase::Ramping { in_a_row } => (RAMPING, in_a_row),
            Phase::HalfOpen(tally) => (
                HALF_OPEN,
                tally.in_flight
                    | (tally.successes << IN_FLIGHT_BITS)
                    | (tally.failures << (IN_FLIGHT_BITS + RESULT_BITS)),
            ),
        };
        // `as`: `u64::from` is not const. Both widen.
        Self(((generation as u64) << GENERATION_SHIFT) | ((counts as u64) << STATE_BITS) | state)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Counts transitions; a token that carries another one is late.
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the generation above is what is cut off"
    )]
    pub(crate) const fn phase(self) -> Phase {
        let counts = (self.0 as u32) >> STATE_BITS;
        match self.0 & STATE_MASK {
            CLOSED => Phase::Closed { in_a_row: counts },
            OPEN => Phase::Open,
            FORCED_OPEN => Phase::ForcedOpen,
            DISABLED => Phase::Disabled,
            METRICS_ONLY => Phase::MetricsOnly { in_a_row: counts },
            RAMPING => Phase::Ramping { in_a_row: counts },
            _ => Phase::HalfOpen(Tally {
                in_flight: counts & ((1 << IN_FLIGHT_BITS) - 1),
                successes: (counts >> IN_FLIGHT_BITS) & MAX_RESULTS,
                failures: (counts >> (IN_FLIGHT_BITS + RESULT_BITS)) & MAX_RESULTS,
            }),
        }
    }

    /// The same state with other counts.
    pub(crate) const fn with(self, phase: Phase) -> Self {
        Self::new(self.generation(), phase)
    }

    /// The state after this one. 2^32 transitions later a generation comes again: at one a second, in
    /// 136 years.
    pub(crate) const fn next(self, phase: Phase) -> Self {
        Self::new(self.generation().wrapping_add(1), phase)
    }

    /// Whether it is closed. One comparison.
    #[inline]
    pub(crate) const fn is_closed(self) -> bool {
        self.0 & STATE_MASK == CLOSED
    }

    /// Whether it is open. One comparison.
    #[inline]
    pub(crate) const fn is_open(self) -> bool {
        self.0 & STATE_MASK == OPEN
    }

    /// Failures in a row, if it still records calls in `generation`: closed, ramping, or only measuring.
    pub(crate) const fn records_in(self, generation: u32) -> Option<u32> {
        if self.generation() != generation {
            return None;
        }
        self.phase().in_a_row()
    }

    /// The same state, which records calls, with so many failures in a row.
    pub(crate) const fn with_in_a_row(self, in_a_row: u32) -> Self {
        Self::from_bits(self.0 & (GENERATION_MASK | STATE_MASK) | ((in_a_row as u64) << STATE_BITS))
    }

    /// The counts, if it is still half-open in `generation`.
    pub(crate) const fn half_open_in(self, generation: u32) -> Option<Tally> {
        match self.phase() {
            Phase::HalfOpen(tally) if self.generation() == generation => Some(tally),
            _ => None,
        }
    }
}

// === impl Phase ===

impl Phase {
    pub(crate) const fn state(self) -> State {
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
    pub(crate) const fn in_a_row(self) -> Option<u32> {
        match self {
            Self::Closed { in_a_row }
            | Self::MetricsOnly { in_a_row }
            | Self::Ramping { in_a_row } => Some(in_a_row),
            _ => None,
        }
    }

    /// Whether an operator says so.
    pub(crate) const fn is_steered(self) -> bool {
        matches!(
            self,
            Self::ForcedOpen | Self::Disabled | Self::MetricsOnly { .. }
        )
    }

    /// The same state with nothing counted; closed, unless it is an operator's.
    pub(crate) const fn afresh(self) -> Self {
        match self {
            Self::ForcedOpen | Self::Disabled => self,
            Self::MetricsOnly { .. } => Self::MetricsOnly { in_a_row: 0 },
            _ => Self::Closed { in_a_row: 0 },
        }
    }
}
