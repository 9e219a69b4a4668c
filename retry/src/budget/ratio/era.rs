//! The terms of a budget since they were changed, and where the line of credit and the slots of time were then.
//!
//! A change continues the line: what was earned until then keeps its place on it, and so does what was used. The numbers
//! after a change give the length of the line from there on, and look back from there to find what has expired. So credit
//! is neither brought nor revived by a change, and what is beyond the new bound has expired at once.
//!
//! Slots are counted on from a number that no slot before the change had. A mark that a late caller writes with an old number
//! is then the mark of a slot that has long passed.

use super::credit::{NANOS_PER_MILLI, Terms};

/// Time is virtual: it began one ttl before the budget was made, and the floor was flowing already. So the reserve of a new
/// budget, `floor × ttl`, is no special case, and no live slot is below 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Era {
    pub(super) terms: Terms,
    /// Nanoseconds. Kept because a division would be the largest part of a call's cost.
    slot_length: u64,
    /// A slot, and when it began, in nanoseconds.
    slot: u64,
    slot_began: u64,
    /// The length of the line after these calls, at this time in nanoseconds.
    line: u64,
    calls: u64,
    since: u64,
}

pub(super) const WORDS: usize = 9;

impl Era {
    /// The first one, with this number of slots in a ttl.
    pub(super) const fn first(terms: Terms, slots: usize) -> Self {
        Self {
            slot_length: terms.ttl / slots as u64,
            slot: slots as u64,
            slot_began: 0,
            line: terms.reserve(),
            calls: 0,
            since: 0,
            terms,
        }
    }

    /// The era of other terms, from `nanos` on. `earned` is the line of `calls` by then.
    pub(super) fn next(
        &self,
        terms: Terms,
        slots: usize,
        calls: u64,
        earned: u64,
        nanos: u64,
    ) -> Self {
        let next = Self {
            terms,
            line: earned,
            calls,
            since: nanos,
            ..*self
        };
        if terms.ttl == self.terms.ttl {
            return next;
        }
        Self {
            slot_length: terms.ttl / slots as u64,
            // Above every slot that is live, or will be for a caller whose reading of the clock is a ttl ahead.
            slot: self.slot(nanos).saturating_add(3 * slots as u64),
            slot_began: nanos,
            ..next
        }
    }

    /// The credit that has come in by `nanos`, if `calls` were counted by then.
    pub(super) fn earned(&self, calls: u64, nanos: u64) -> u64 {
        self.line(calls, millis(nanos))
    }

    /// The part of it that is older than the ttl, if `calls` were counted before the oldest live slot began.
    pub(super) fn expired(&self, calls: u64, nanos: u64) -> u64 {
        self.line(calls, millis(nanos) - millis(self.terms.ttl))
    }

    // Cut to 64 bits: a line that is full grants nothing more. In front of its beginning there is nothing.
    fn line(&self, calls: u64, millis_then: i128) -> u64 {
        let calls = i128::from(calls) - i128::from(self.calls);
        let millis = millis_then - millis(self.since);
        let line = i128::from(self.line)
            + calls * i128::from(self.terms.per_call)
            + millis * i128::from(self.terms.per_milli);
        u64::try_from(line.max(0)).unwrap_or(u64::MAX)
    }

    /// The slot of time that `nanos` is in. The first one is the number of slots in a ttl, not 0.
    pub(super) fn slot(&self, nanos: u64) -> u64 {
        self.slot
            .saturating_add(nanos.saturating_sub(self.slot_began) / self.slot_length)
    }

    /// The end of a slot.
    pub(super) fn end(&self, slot: u64) -> u64 {
        let slots = slot.saturating_add(1).saturating_sub(self.slot);
        slots
            .saturating_mul(self.slot_length)
            .saturating_add(self.slot_began)
    }

    /// The slot of the era `next` in which a slot of this one began, or the one before it.
    pub(super) fn slot_in(&self, next: &Self, slot: u64) -> u64 {
        let began = self.end(slot).saturating_sub(self.slot_length);
        let age = next.slot_began.saturating_sub(began);
        next.slot.saturating_sub(age.div_ceil(next.slot_length))
    }

    pub(super) const fn pack(self) -> [u64; WORDS] {
        let Terms {
            per_call,
            per_milli,
            ttl,
        } = self.terms;
        [
            per_call,
            per_milli,
            ttl,
            self.slot_length,
            self.slot,
            self.slot_began,
            self.line,
            self.calls,
            self.since,
        ]
    }

    pub(super) const fn unpack(words: [u64; WORDS]) -> Self {
        let [
            per_call,
            per_milli,
            ttl,
            slot_length,
            slot,
            slot_began,
            line,
            calls,
            since,
        ] = words;
        let terms = Terms {
            per_call,
            per_milli,
            ttl,
        };
        Self {
            terms,
            slot_length,
            slot,
            slot_began,
            line,
            calls,
            since,
        }
    }
}

fn millis(nanos: u64) -> i128 {
    i128::from(nanos / NANOS_PER_MILLI)
}
