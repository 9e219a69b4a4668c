//! Which optional requests a share admits.
//!
//! Every n-th request would meet periodic traffic: with two kinds of requests in turn and a share of one half, all
//! refusals fall on one kind. So 128 requests are taken in an order that is not periodic: position times an odd number,
//! plus a start, modulo 128. That is a permutation, so the share of each 128 is exact. It also spreads the requests of
//! every kind that comes each 2nd, 4th … 64th time evenly over the share. The number and the start come from mixing
//! the number of the block.
//!
//! Rejected: a random number a request. Of 10,000 requests at one half, each of two kinds then gets its share only to
//! within 2 points.

use crate::gate::law::WHOLE;

const BLOCK: u64 = 128;

/// Whether `share` (in millionths) admits the `n`th request, counted from 0.
pub(super) fn is_admitted(n: u64, share: u32) -> bool {
    let mixed = mix(n / BLOCK + 1);
    // Odd, from 33 to 95: neighbours are at least a quarter of the block apart.
    let multiplier = 33 + 2 * (mixed >> 59);
    let start = (mixed >> 32) % BLOCK;
    let place = (n % BLOCK * multiplier + start) % BLOCK;
    // The share of a block is no whole number of places. The fraction is the same for the whole block.
    let fraction = mixed & 0xffff_ffff;
    ((place << 32) | fraction) < (u64::from(share) * (BLOCK << 32)) / u64::from(WHOLE)
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}
