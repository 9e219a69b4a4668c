use std::num::NonZeroU64;

use crate::{
    places::Lease,
    word::{Phase, Word},
};

/// That a call was let in, and as what. Two words, so that a token passes in registers.
///
/// ```text
/// 63           32         15     8       2         1         0
/// [ generation  ][ 0    ][ place ][ 0  ][ watched ][ unseen ][1]
/// ```
///
/// A call that a closed circuit lets in has nothing but its generation and the one, so that one comparison
/// with the state word says that nothing has changed. The one is there for `Option`, which then takes no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    ticket: NonZeroU64,
    /// Of a call, when it was let in, in ticks, or [`UNKNOWN`](Self::UNKNOWN); of a probe, its lease.
    time: u64,
}

/// Nothing is recorded of it.
const UNSEEN: u64 = 0b010;
/// The state that let it in ends with time, so that its own end has to look whether it has.
const WATCHED: u64 = 0b100;
/// One more than the place of a probe; 0 for an ordinary call.
const PLACE_SHIFT: u32 = 8;
const PLACE_MASK: u64 = 0xff;
const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: u64 = !0 << GENERATION_SHIFT;

impl Admission {
    /// When a call began that nobody asked the time for: later than any instant, so that it is never slow.
    pub(crate) const UNKNOWN: u64 = u64::MAX;

    /// As a call like any other, by a closed circuit.
    #[inline]
    pub(crate) fn plain(word: Word, started: u64) -> Self {
        Self {
            ticket: NonZeroU64::MIN | (word.bits() & GENERATION_MASK),
            time: started,
        }
    }

    /// As a call, by a circuit that lets calls in for other reasons too.
    pub(crate) fn call(word: Word, started: u64) -> Self {
        let plain = Self::plain(word, started);
        let how = match word.phase() {
            Phase::Disabled => UNSEEN,
            Phase::MetricsOnly { .. } | Phase::Ramping { .. } => WATCHED,
            _ => 0,
        };
        Self {
            ticket: plain.ticket | how,
            ..plain
        }
    }

    pub(crate) fn probe(word: Word, place: u8, lease: Lease) -> Self {
        let plain = Self::plain(word, lease.bits());
        Self {
            ticket: plain.ticket | ((u64::from(place) + 1) << PLACE_SHIFT),
            ..plain
        }
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.ticket.get() >> GENERATION_SHIFT) as u32
    }

    /// When the call was let in.
    #[inline]
    pub(crate) const fn started(self) -> u64 {
        self.time
    }

    /// Whether it is that of a call which a closed circuit let in.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.ticket.get() & !GENERATION_MASK == 1
    }

    pub(crate) const fn is_unseen(self) -> bool {
        self.ticket.get() & UNSEEN != 0
    }

    pub(crate) const fn is_watched(self) -> bool {
        self.ticket.get() & WATCHED != 0
    }

    /// The place and the lease of a probe.
    pub(crate) const fn as_probe(self) -> Option<(u8, Lease)> {
        match (self.ticket.get() >> PLACE_SHIFT) & PLACE_MASK {
            0 => None,
            #[expect(clippy::cast_possible_truncation, reason = "eight bits")]
            place => Some((place as u8 - 1, Lease::from_bits(self.time))),
        }
    }

    /// Whether `word` is closed in the generation of this call, which is a plain one, with no failure
    /// counted. One comparison.
    #[inline]
    pub(crate) const fn finds_nothing_counted(self, word: Word) -> bool {
        word.bits() ^ self.ticket.get() == 1
    }
}
