/// How many calls had been counted when a slot of time began, and which slot that was, in one word.
///
/// Both are cut to 32 bits. Calls are only ever compared within a ttl, where they differ by less than
/// 2^31. A slot number comes round after 2^32 slots (8 years at the shortest ttl); a mark that had stood
/// untouched all that time would pass for a new one, and revive at most what one ttl had brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    slot: u32,
    calls: u32,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "cut to 32 bits on purpose, see the type; `cast_signed` needs Rust 1.87"
)]
impl Mark {
    pub(crate) const fn new(slot: u64, calls: u64) -> Self {
        Self {
            slot: slot as u32,
            calls: calls as u32,
        }
    }

    pub(crate) const fn is_of(self, slot: u64) -> bool {
        self.slot == slot as u32
    }

    /// Whether this is of a slot before `slot`. Not so for one of a later slot, which a caller with a
    /// late reading of the clock may meet, and must not overwrite.
    pub(crate) const fn is_before(self, slot: u64) -> bool {
        let ahead = self.slot.wrapping_sub(slot as u32);
        ahead > LATEST
    }

    /// How many of `calls` were counted since the slot began; 0 when it began after they were read.
    pub(crate) fn since(self, calls: u64) -> u64 {
        let since = (calls as u32).wrapping_sub(self.calls) as i32;
        u64::try_from(since).unwrap_or(0)
    }

    pub(crate) const fn unpack(word: u64) -> Self {
        Self {
            slot: (word >> 32) as u32,
            calls: word as u32,
        }
    }

    pub(crate) const fn pack(self) -> u64 {
        (self.slot as u64) << 32 | self.calls as u64
    }
}

/// By how many slots a reading of the clock can be late: 18 hours at the shortest ttl. Half of the 32 bits,
/// the usual choice, would take the mark of a budget that was idle for 4 years for one of the future.
const LATEST: u32 = 1 << 20;
