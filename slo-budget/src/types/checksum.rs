/// FNV-1a of 64 bits: detects damage, not malice. Each step is a bijection of the sum before it, so a single
/// changed byte always changes the result.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
