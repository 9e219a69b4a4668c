//! In which requests of a hundred the share becomes available.
//!
//! A share that becomes available at every fifth request meets periodic traffic: with two kinds of requests in
//! turn and a share of one half, all rejections fall on one kind. So a hundred requests are taken in an order
//! that is not periodic.
//!
//! The order is a permutation of the hundred, `multiplier * (position + 1) + start` modulo 100. The share becomes
//! available at the positions whose image is below the number of rejections of the hundred. That is exact in each
//! hundred for every multiplier that is coprime to 100. It also spreads the positions evenly over the residue
//! classes of every divisor of 100, so kinds that alternate get equal parts of each hundred. The multiplier is
//! chosen by mixing the number of the hundred with the start of the period.
//!
//! In the first hundred of a period the start is chosen so that at every position the available share is at most
//! that of the requests so far: a filter with few requests rejects no more of them than its share. Such a start
//! exists for every cyclic order (Raney's cycle lemma): begin after the position that is furthest ahead. It makes
//! the last rejection of the hundred available at its last position. In the hundreds that follow, this would be
//! periodic again, so their start is mixed too. Within such a hundred the available share is ahead of the requests
//! by at most three rejections; at its end it is exact.
//!
//! A random permutation was no alternative: each request would need a state, or a pass over the hundred.

/// The requests that are ordered together.
pub(super) const HUNDRED: u32 = 100;

/// Those coprime to 100 with which, from every start, the available share is ahead or behind by at most three
/// rejections.
const MULTIPLIERS: [u32; 16] = [
    19, 21, 27, 29, 31, 37, 39, 41, 59, 61, 63, 69, 71, 73, 79, 81,
];

/// The starts by multiplier and number of rejections. Computed by the compiler; 1,600 bytes.
static STARTS: [[u8; HUNDRED as usize]; MULTIPLIERS.len()] = starts();

/// A hundred requests of a period.
#[derive(Clone, Copy)]
pub(super) struct Hundred {
    /// When the period began.
    pub(super) began: u64,
    /// Its number in the period, below 100.
    pub(super) number: u32,
    /// The rejections that become available in it, at most 100.
    pub(super) rejections: u32,
}

impl Hundred {
    /// Whether a rejection becomes available with the request at `position`.
    pub(super) fn is_available(self, position: u32) -> bool {
        let (multiplier, start) = self.order();
        (multiplier * (position + 1) + start) % HUNDRED < self.rejections
    }

    fn order(self) -> (u32, u32) {
        // Different for each hundred of each period.
        let seed = self.began * u64::from(HUNDRED) + u64::from(self.number);
        // The first hundred of a filter makes each rejection available as soon as the share allows it. There is
        // no traffic before it, and a filter that has just been built is exact for a few requests too.
        if seed == 0 {
            return (self.rejections, 0);
        }
        let [choice, .., high, low] = mix(seed).to_be_bytes();
        let choice = usize::from(choice) % MULTIPLIERS.len();
        let start = match (self.number, STARTS[choice].get(self.rejections as usize)) {
            (0, Some(start)) => u32::from(*start),
            _ => u32::from(u16::from_be_bytes([high, low])) % HUNDRED,
        };
        (MULTIPLIERS[choice], start)
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

const fn starts() -> [[u8; HUNDRED as usize]; MULTIPLIERS.len()] {
    let mut starts = [[0; HUNDRED as usize]; MULTIPLIERS.len()];
    let mut choice = 0;
    while choice < MULTIPLIERS.len() {
        let mut rejections = 0;
        while rejections < HUNDRED {
            starts[choice][rejections as usize] = start(MULTIPLIERS[choice], rejections);
            rejections += 1;
        }
        choice += 1;
    }
    starts
}

/// The image of the position that is furthest ahead of the share if the order begins at zero.
#[expect(clippy::cast_possible_truncation, reason = "below 100")]
const fn start(multiplier: u32, rejections: u32) -> u8 {
    // In hundredths of a rejection: what has become available, and what the share allows.
    let (mut available, mut allowed) = (0, 0);
    let (mut image, mut furthest, mut ahead) = (0, 0, 0);
    let mut position = 0;
    while position < HUNDRED {
        image = (image + multiplier) % HUNDRED;
        allowed += rejections;
        if image < rejections {
            available += HUNDRED;
        }
        if available > allowed && available - allowed > ahead {
            (ahead, furthest) = (available - allowed, image);
        }
        position += 1;
    }
    furthest as u8
}
