//! The shape of a window of the last calls.

use super::head::MOST_TICKET_BITS;

/// How many calls the window holds, and the number of its shape, which makes every later generation
/// another series to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastCalls {
    size: u32,
    number: u32,
    /// 2^36 divided by the size, rounded up beyond: a division costs several times a multiplication.
    reciprocal: u64,
}

const RECIPROCAL_SHIFT: u32 = 36;

/// The largest window. A thousand calls distinguish half a percent from a whole one; at a rate of
/// calls that needs more a window of time is as good.
pub(crate) const MAX_CALLS: u32 = 1_024;

const _: () = assert!((MAX_CALLS as u64) << MOST_TICKET_BITS <= 1 << RECIPROCAL_SHIFT);

// === impl LastCalls ===

impl LastCalls {
    /// A window of `size` calls, from 1 to [`MAX_CALLS`].
    pub(crate) const fn new(size: u32) -> Self {
        Self {
            size,
            number: 0,
            reciprocal: (1 << RECIPROCAL_SHIFT) / size as u64 + 1,
        }
    }

    pub(in crate::window) const fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    pub(in crate::window) const fn pack(self) -> [u64; 3] {
        [
            self.size as u64 | ((self.number as u64) << 32),
            self.reciprocal,
            0,
        ]
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "this is what halves are")]
    pub(in crate::window) fn unpack(word: impl Fn(usize) -> u64) -> Self {
        let size_and_number = word(0);
        Self {
            size: size_and_number as u32,
            number: (size_and_number >> 32) as u32,
            reciprocal: word(1),
        }
    }

    pub(in crate::window) const fn is_like(self, other: Self) -> bool {
        self.size == other.size
    }

    #[inline]
    pub(super) const fn size(self) -> u32 {
        self.size
    }

    /// What a generation is to the window.
    #[inline]
    pub(super) const fn series(self, generation: u32) -> u32 {
        generation.wrapping_add(self.number)
    }

    /// The slot of the call with this ticket: `ticket % size`.
    #[inline]
    pub(super) const fn slot(self, ticket: u64) -> u64 {
        // The reciprocal is too large by at most `size` / 2^36 of itself, and `size` times a ticket is below
        // 2^36: exact.
        ticket - ((ticket * self.reciprocal) >> RECIPROCAL_SHIFT) * self.size as u64
    }

    /// The slot of the call before the one in `slot`.
    #[inline]
    pub(super) const fn slot_before(self, slot: u64) -> u64 {
        if slot == 0 {
            self.size as u64 - 1
        } else {
            slot - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LastCalls, MOST_TICKET_BITS};

    #[test]
    fn slots_of_the_largest_tickets_are_remainders() {
        let most = (1 << MOST_TICKET_BITS) - 1;
        for size in [1, 3, 1_023, 1_024] {
            let (last, size) = (LastCalls::new(size), u64::from(size));
            // A whole lap, and so the last multiple of the size with its neighbours.
            for ticket in (0..=size + 1).chain(most - size - 1..=most) {
                assert_eq!(last.slot(ticket), ticket % size, "{ticket} % {size}");
            }
        }
    }
}
