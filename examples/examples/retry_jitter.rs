//! Why full jitter is the default: clients that contend for one row, each trying again until it has written.
//!
//! 190 clients begin together. Each reads the row's version, and writes if the version is still the same when the
//! write arrives; if not, it waits as its backoff says and begins anew. It is the model of Brooker's "Exponential
//! Backoff And Jitter" (AWS, 2015) with its numbers: 5 ms at first, 2 s at most, and a network that takes 10 ms one way,
//! give or take. What is compared is how long it takes until the last client has written, and how often they wrote.
//!
//! ```sh
//! cargo run -p maestro-examples --example retry_jitter
//! ```
//!
//! Seeded, so that each run prints the same.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use maestro_retry::{Backoff, Delays, Jitter};

const CLIENTS: usize = 190;
const BASE: Duration = Duration::from_millis(5);
const CAP: Duration = Duration::from_secs(2);
/// One way, in microseconds: 10 ms, give or take two fifths.
const NETWORK: std::ops::RangeInclusive<u64> = 6_000..=14_000;
/// So many runs are averaged.
const RUNS: u64 = 20;

/// What the clients needed, on average over the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    /// Until the last one had written, in milliseconds.
    pub(crate) millis: u64,
    /// Writes, those in vain included.
    pub(crate) writes: u64,
}

/// What happens at the row, and to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrives {
    Read,
    /// With the version that was read.
    Write(u64),
}

/// A network whose delays are the same in each run of a seed (`SplitMix64`).
struct Network(u64);

impl Network {
    fn delay(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        NETWORK.start() + mixed % (NETWORK.end() - NETWORK.start() + 1)
    }
}

/// One run: microseconds until the last client has written, and how often they wrote.
fn run(backoff: Backoff, seed: u64) -> (u64, u64) {
    let mut network = Network(seed);
    let mut delays: Vec<Delays> = (0..CLIENTS as u64)
        .map(|client| backoff.delays_seeded((seed << 32) | client))
        .collect();
    let mut arrivals: BinaryHeap<_> = (0..CLIENTS)
        .map(|client| Reverse((network.delay(), client, Arrives::Read)))
        .collect();
    let (mut version, mut writes, mut last) = (0, 0, 0);
    while let Some(Reverse((now, client, arrives))) = arrivals.pop() {
        // What follows has the way back to the client before it, and the way here after it.
        let there_and_back = network.delay() + network.delay();
        match arrives {
            Arrives::Read => {
                arrivals.push(Reverse((
                    now + there_and_back,
                    client,
                    Arrives::Write(version),
                )));
            }
            Arrives::Write(read) => {
                writes += 1;
                if read == version {
                    version += 1;
                    last = now;
                } else {
                    let wait = delays[client].next().expect("delays have no end");
                    let wait = u64::try_from(wait.as_micros()).expect("at most two seconds");
                    arrivals.push(Reverse((
                        now + there_and_back + wait,
                        client,
                        Arrives::Read,
                    )));
                }
            }
        }
    }
    (last, writes)
}

pub(crate) fn needed(jitter: Jitter) -> Needed {
    let backoff = Backoff::exponential(BASE, CAP).jitter(jitter);
    let runs: Vec<_> = (0..RUNS).map(|seed| run(backoff, seed)).collect();
    Needed {
        millis: runs.iter().map(|run| run.0).sum::<u64>() / RUNS / 1_000,
        writes: runs.iter().map(|run| run.1).sum::<u64>() / RUNS,
    }
}

pub(crate) const JITTERS: [(&str, Jitter); 5] = [
    ("full", Jitter::Full),
    ("decorrelated", Jitter::Decorrelated),
    ("equal", Jitter::Equal),
    ("± 20 %", Jitter::PlusMinus(20)),
    ("none", Jitter::None),
];

fn main() {
    println!("| jitter | until the last of {CLIENTS} has written, ms | writes |");
    println!("|---|--:|--:|");
    for (name, jitter) in JITTERS {
        let Needed { millis, writes } = needed(jitter);
        println!("| {name} | {millis} | {writes} |");
    }
}
