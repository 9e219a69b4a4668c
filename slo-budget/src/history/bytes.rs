//! Numbers from bytes, and whether the bytes are what was written.

use crate::types::Counts;

/// Reads words of eight bytes, the lowest first.
pub(crate) struct Reader<'a>(std::slice::ChunksExact<'a, u8>);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.chunks_exact(8))
    }

    pub(crate) fn next(&mut self) -> Option<u64> {
        let word = self.0.next()?.try_into().ok()?;
        Some(u64::from_le_bytes(word))
    }

    pub(crate) fn counts(&mut self) -> Option<Counts> {
        let (good, bad) = (self.next()?, self.next()?);
        Some(Counts { good, bad })
    }

    /// How many words are left.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// FNV-1a of 64 bits: against damage, not malice. Each step is a bijection of what was before, so one byte
/// that is changed is always seen.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
