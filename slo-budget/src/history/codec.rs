//! A history as bytes: words of eight bytes, the lowest first. A magic number, the version, the meaning, the
//! wall clock, the counts, the ledger, and a checksum over all of it. The checksum detects damage, not malice; forged
//! numbers with a valid checksum are harmless.

use crate::{
    history::{History, Unusable},
    record::ledger::Ledger,
    types::{Counts, checksum::checksum},
};

const MAGIC: u64 = u64::from_le_bytes(*b"maestSLO");
/// Must be raised by every change of the format.
const VERSION: u64 = 2;

pub(super) fn encode(history: &History) -> Vec<u8> {
    let mut words = vec![MAGIC, VERSION, history.meaning, history.wall];
    words.extend([history.counts.good(), history.counts.bad()]);
    history.ledger.write(&mut words);
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<History, Unusable> {
    let mut words = bytes.chunks_exact(8).map(|word| {
        let word = word.try_into().expect("chunks of eight bytes");
        u64::from_le_bytes(word)
    });
    if words.next() != Some(MAGIC) {
        return Err(Unusable::NoHistory);
    }
    match words.next() {
        Some(VERSION) => {}
        Some(version) => return Err(Unusable::Version(version)),
        None => return Err(Unusable::Damaged),
    }
    let intact = bytes.split_last_chunk().is_some_and(|(content, sum)| {
        bytes.len() % 8 == 0 && checksum(content) == u64::from_le_bytes(*sum)
    });
    let mut read = || {
        let history = History {
            meaning: words.next()?,
            wall: words.next()?,
            counts: Counts::read(&mut words)?,
            ledger: Ledger::read(&mut words)?,
        };
        // The checksum is left.
        (words.len() == 1).then_some(history)
    };
    read().filter(|_| intact).ok_or(Unusable::Damaged)
}
