//! Admitting a call, or refusing it; and what an admitted call carries.

use std::num::NonZeroU64;

use super::{
    StateMachine,
    slots::Lease,
    word::{Phase, Word},
};
use crate::types::{
    Refusal, State,
    ticks::{FOREVER, after},
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

// === impl StateMachine ===

impl StateMachine {
    /// Admits a call, or refuses it. The clock is read only when the breaker is not closed, or
    /// where slowness matters.
    #[inline]
    pub(crate) fn admit(&self, clock: impl FnOnce() -> u64) -> Result<Admission, Refusal> {
        // Two loads, in no order that matters: the plan only says whether the token needs a time.
        // If the numbers change in between, the call has no time and counts as not slow.
        //
        // The clock is never read inside what is inlined here: a reading costs more than all the
        // rest, and the call to it alone keeps the caller's registers busy.
        let word = self.state.load();
        if word.is_closed() && !self.config.plan().times_calls() {
            return Ok(Admission::plain(word, Admission::UNKNOWN));
        }
        self.admit_at(clock)
    }

    /// Whether it is closed, without a look at the clock.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.state.load().is_closed()
    }

    /// Whether a call would be rejected at `now`.
    #[inline]
    pub(crate) fn is_rejecting_at(&self, now: u64) -> bool {
        self.refuse_open().is_some_and(|open| now < open.until) || !self.has_room(self.advance(now))
    }

    /// Whether a token is of the present generation.
    pub(crate) fn is_current(&self, admission: Admission) -> bool {
        admission.generation() == self.state.load().generation()
    }

    /// The answer of an open breaker, in one pass. `None` where it is not open, or its state
    /// changes just now. The wait may be over.
    #[inline]
    pub(crate) fn refuse_open(&self) -> Option<Refusal> {
        let word = self.state.load();
        let (until, cause) = (self.state.until(word), self.state.cause());
        // Between the two loads another thread may close the breaker and open it anew. It then
        // writes the end and the cause of the new opening before its word. The second load: if the
        // word is unchanged, both are of this opening.
        (word.is_open() && self.state.load() == word).then_some(Refusal {
            state: State::Open,
            until,
            cause,
        })
    }

    /// The answer at `now` to a call that must not be admitted, even if the breaker would.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse_at(&self, now: u64) -> Refusal {
        loop {
            let word = self.advance(now);
            match self.refusal(word, now) {
                Some(refusal) if self.has_room(word) => return refusal.unready(now),
                Some(refusal) => return refusal,
                None => {}
            }
        }
    }

    #[cold]
    fn admit_at(&self, clock: impl FnOnce() -> u64) -> Result<Admission, Refusal> {
        let now = clock();
        // The usual case of an open breaker, without the loop: a rejection under load takes no lock and
        // writes nothing.
        if let Some(refusal) = self.refuse_open().filter(|open| now < open.until) {
            return Err(refusal);
        }
        loop {
            let word = self.advance(now);
            let room = match word.phase() {
                // As on the path that reads no clock: whether it is known when a call began must
                // not depend on whether another thread has looked before.
                Phase::Closed { .. } if !self.config.plan().times_calls() => {
                    return Ok(Admission::call(word, Admission::UNKNOWN));
                }
                Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => {
                    return Ok(Admission::call(word, now));
                }
                Phase::Ramping { .. } => {
                    let (_, config) = self.config.read();
                    let (share, _) = self.ramp(&config, word, now);
                    if self.arrivals.admit_next(word.generation(), share) {
                        return Ok(Admission::call(word, now));
                    }
                    None
                }
                Phase::Open | Phase::ForcedOpen => None,
                Phase::HalfOpen(counts) => {
                    let (_, trial) = self.config.trial();
                    counts.admit(&trial).map(|counts| (counts, trial.time))
                }
            };
            let Some((counts, probe_time)) = room else {
                match self.refusal(word, now) {
                    Some(refusal) => return Err(refusal),
                    None => continue,
                }
            };
            // The word has both limits and the generation, so one compare-and-swap checks all
            // three: no more probes are in flight than allowed, and in flight plus settled never
            // exceeds the results. So the last result finds no probe in flight, and a recovering
            // backend gets no call whose result decides nothing. Room first, in the word, which
            // knows the limits; then one of the slots, of which one is then free.
            if !self.state.swap(word, word.with(Phase::HalfOpen(counts))) {
                continue;
            }
            let generation = word.generation();
            // Between this swap and the next statement the probe is counted but has no slot. A
            // reader that finds a full breaker without a lease then names the present instant.
            let lease = Lease::new(after(now, probe_time), generation);
            let slot = self.probes.take(lease, generation, now);
            if self.state.load().generation() == generation {
                return Ok(Admission::probe(word, slot, lease));
            }
            // A reset swaps the word, then clears the slots. If it cleared before this thread took
            // its slot, the load above shows the newer word, because taking the slot read from the
            // clearing swap. The breaker was reset meanwhile, and the reservation with it.
            self.probes.free(slot, lease);
        }
    }

    /// The answer to calls that are not admitted at `now`; `None` if the generation is no longer
    /// that of `word`.
    pub(super) fn refusal(&self, word: Word, now: u64) -> Option<Refusal> {
        // As in `refuse_open`: facts between two loads of the word. Here the generation is compared and not
        // the whole word, because counts may change meanwhile without making the facts wrong.
        let cause = match word.phase() {
            Phase::ForcedOpen => self.state.forced_by(word),
            _ => self.state.cause(),
        };
        let until = match word.phase() {
            Phase::Open | Phase::ForcedOpen => match self.state.until(word) {
                // `Duration::MAX` instead would overflow in callers that add it to an instant.
                // Unknown. After the usual wait it costs little to ask again.
                FOREVER => after(now, self.config.read().1.wait.first()),
                until => until,
            },
            Phase::Ramping { .. } => {
                let (_, config) = self.config.read();
                // When a larger share is admitted.
                after(now, self.ramp(&config, word, now).1)
            }
            Phase::HalfOpen(_) if !self.has_room(word) => {
                let first = self.probes.earliest(word.generation());
                // None: the probes that have room are just taking their slots, or giving them back.
                first.map_or(now, |(_, lease)| lease.deadline())
            }
            _ => now,
        };
        (self.state.load().generation() == word.generation()).then_some(Refusal {
            state: word.phase().state(),
            until,
            cause,
        })
    }

    pub(super) fn has_room(&self, word: Word) -> bool {
        match word.phase() {
            Phase::Open | Phase::ForcedOpen => false,
            Phase::HalfOpen(counts) => counts.admit(&self.config.trial().1).is_some(),
            _ => true,
        }
    }
}

// === impl Admission ===

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

    #[cfg(feature = "http-body")]
    pub(crate) const fn is_probe(self) -> bool {
        (self.ticket.get() >> SLOT_SHIFT) & SLOT_MASK != 0
    }

    /// Whether it is known when the call was admitted. Not of a probe.
    #[cfg(feature = "http-body")]
    pub(crate) const fn is_timed(self) -> bool {
        self.time != Self::UNKNOWN
    }

    /// With a time of admission that is later by `ticks`, as if these had not passed. A probe has none, and stays the same.
    #[cfg(feature = "http-body")]
    pub(crate) const fn later(self, ticks: u64) -> Self {
        if self.is_probe() {
            return self;
        }
        Self {
            time: self.time.saturating_add(ticks),
            ..self
        }
    }

    /// Of a probe, with another lease.
    #[cfg(any(feature = "http-body", all(test, loom)))]
    pub(super) const fn leased(self, lease: Lease) -> Self {
        Self {
            time: lease.bits(),
            ..self
        }
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
