//! Why full jitter is the default: clients contend for one row, and each retries until its write succeeds.
//!
//! 190 clients begin at the same time. Each reads the row's version, and its write succeeds if the version is unchanged
//! when the write arrives. Otherwise it waits for its backoff and begins again. It is the model of Brooker's "Exponential
//! Backoff And Jitter" (AWS, 2015) with its numbers: a first delay of 5 ms, a cap of 2 s, and about 10 ms of network
//! latency one way. The result is the time until the last client has written, and the number of writes.
//!
//! ```sh
//! cargo run -p maestro-examples --example retry_jitter
//! ```
//!
//! The simulation is seeded, so every run prints the same.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use maestro_retry::{Backoff, Delays, Jitter};

const CLIENTS: usize = 190;
const BASE: Duration = Duration::from_millis(5);
const CAP: Duration = Duration::from_secs(2);
/// The network latency one way, in microseconds: 10 ms, plus or minus two fifths.
const NETWORK: std::ops::RangeInclusive<u64> = 6_000..=14_000;
/// The number of runs that are averaged.
const RUNS: u64 = 20;

/// The result, averaged over the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    /// Milliseconds until the last client has written.
    pub(crate) millis: u64,
    /// Writes, failed ones included.
    pub(crate) writes: u64,
}

/// The arrival of a client at the row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrives {
    Read,
    /// The write of a client that has read this version.
    Write(u64),
}

/// A network whose delays depend only on the seed (`SplitMix64`).
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

/// One run. Returns the microseconds until the last client has written, and the number of writes.
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
        // Before the next arrival the reply travels to the client, and its next message back.
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
