use std::num::NonZeroU64;

use crate::state::{
    probes::Lease,
    word::{Phase, Word},
};

/// Proof that a call was admitted, and as what. Two words, so that a token passes in registers.
///
/// ```text
/// 63           32       15     8            2           1        0
/// [ generation  ][ 0   ][ slot  ][ 0  ][ expires ][ unrecorded ][1]
/// ```
///
/// A call that a closed breaker admits has nothing but its generation and the one, so that one
/// comparison with the state word says that nothing has changed. The one is there for `Option`,
/// which then takes no room.
// Why packed by hand and not an enum: an enum of three variants is three words, which do not pass
// in registers with the pointer beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    ticket: NonZeroU64,
    /// Of a call, the tick at which it was admitted, or [`UNKNOWN`](Self::UNKNOWN); of a probe, its
    /// lease.
    time: u64,
}

/// The call is not recorded: a disabled breaker admitted it.
const UNRECORDED: u64 = 0b010;
/// The state that admitted the call ends at an instant (a ramp, an override): when the call ends,
/// whether that instant has passed is checked first.
const EXPIRES: u64 = 0b100;
/// One more than the slot of a probe; 0 for an ordinary call.
const SLOT_SHIFT: u32 = 8;
const SLOT_MASK: u64 = 0xff;
const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: u64 = !0 << GENERATION_SHIFT;

impl Admission {
    /// The beginning of a call for which no clock was read: later than any instant, so that it is
    /// never slow.
    pub(super) const UNKNOWN: u64 = u64::MAX;

    /// Of a call that a closed breaker admits.
    #[inline]
    pub(super) fn plain(word: Word, started: u64) -> Self {
        Self {
            ticket: NonZeroU64::MIN | word.generation_bits(),
            time: started,
        }
    }

    /// Of a call that the breaker admits in the state of `word`, which is not half-open. Plain where
    /// it is closed.
    pub(super) fn call(word: Word, started: u64) -> Self {
        let plain = Self::plain(word, started);
        let how = match word.phase() {
            Phase::Disabled => UNRECORDED,
            Phase::MetricsOnly { .. } | Phase::Ramping { .. } => EXPIRES,
            _ => 0,
        };
        Self {
            ticket: plain.ticket | how,
            ..plain
        }
    }

    pub(super) fn probe(word: Word, slot: u8, lease: Lease) -> Self {
        let plain = Self::plain(word, lease.bits());
        Self {
            ticket: plain.ticket | ((u64::from(slot) + 1) << SLOT_SHIFT),
            ..plain
        }
    }

    #[inline]
    pub(super) const fn generation(self) -> u32 {
        (self.ticket.get() >> GENERATION_SHIFT) as u32
    }

    /// The tick at which the call was admitted, or [`UNKNOWN`](Self::UNKNOWN). Not of a probe.
    #[inline]
    pub(super) const fn started(self) -> u64 {
        self.time
    }

    /// Whether a closed breaker admitted the call.
    #[inline]
    pub(super) const fn is_plain(self) -> bool {
        self.ticket.get() & !GENERATION_MASK == 1
    }

    pub(super) const fn is_unrecorded(self) -> bool {
        self.ticket.get() & UNRECORDED != 0
    }

    /// Whether the state that admitted the call may have ended by time.
    pub(super) const fn expires(self) -> bool {
        self.ticket.get() & EXPIRES != 0
    }

    /// The slot and the lease of a probe.
    pub(super) const fn as_probe(self) -> Option<(u8, Lease)> {
        match (self.ticket.get() >> SLOT_SHIFT) & SLOT_MASK {
            0 => None,
            #[expect(clippy::cast_possible_truncation, reason = "eight bits")]
            slot => Some((slot as u8 - 1, Lease::from_bits(self.time))),
        }
    }

    /// Whether `word` is closed in the generation of this call, which is a plain one, with no
    /// failure counted.
    #[inline]
    pub(super) const fn finds_nothing_counted(self, word: Word) -> bool {
        word.bits() ^ self.ticket.get() == 1
    }
}
