//! Rounds of blocks, one of each mode.

use std::time::Duration;

use rand::seq::SliceRandom;
use serde::Serialize;
use tokio::time::Instant;
use tower::BoxError;

use crate::{
    block::{Load, Sample},
    modes::{Mode, Modes},
    statistics::{Estimate, median},
};

/// Fewer have no interval.
const MIN_ROUNDS: usize = 10;

/// What was measured with one number of connections.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) connections: u32,
    /// The number of rounds.
    pub(crate) rounds: usize,
    /// The requests of a mode in a round.
    pub(crate) requests: u32,
    pub(crate) bare: Bare,
    /// Each mode but the first, which they are compared with.
    pub(crate) modes: Vec<Figures>,
}

/// Without layers, in microseconds: medians over the rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bare {
    pub(crate) latency: f64,
    pub(crate) processor_time: f64,
}

/// The figures of a mode.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) mode: &'static str,
    pub(crate) latency: Compared,
    pub(crate) processor_time: Compared,
}

/// A time for each request, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Compared {
    /// The median over the rounds.
    pub(crate) micros: f64,
    /// How much longer than without layers.
    pub(crate) more: Estimate,
    /// The same as a share of the time without layers.
    pub(crate) percent: Estimate,
}

/// Measures all modes for `time`, and for at least ten rounds.
///
/// # Errors
///
/// As [`Sample::take`], and if the layers of a mode have not counted its requests.
pub(crate) async fn measure(
    modes: &Modes,
    load: Load,
    time: Duration,
) -> Result<Measured, BoxError> {
    let mut order: Vec<_> = modes.iter().enumerate().collect();
    let mut samples = vec![Vec::new(); order.len()];
    let (start, mut rng) = (Instant::now(), rand::rng());
    let mut rounds = 0;
    while rounds < MIN_ROUNDS || start.elapsed() < time {
        order.shuffle(&mut rng);
        for (number, mode) in &order {
            samples[*number].push(mode.send(load).await?);
        }
        rounds += 1;
    }
    modes.iter().try_for_each(Mode::check)?;
    let taken: Vec<_> = modes.iter().zip(samples).collect();
    let ((_, bare), others) = taken.split_first().expect("the first mode is bare");
    let figures = others.iter().map(|(mode, taken)| Figures {
        mode: mode.name,
        latency: Compared::new(taken, bare, |sample| sample.latency),
        processor_time: Compared::new(taken, bare, |sample| sample.processor_time),
    });
    Ok(Measured {
        connections: load.connections,
        rounds,
        requests: load.connections * load.requests,
        bare: Bare {
            latency: median_of(bare, |sample| sample.latency),
            processor_time: median_of(bare, |sample| sample.processor_time),
        },
        modes: figures.collect(),
    })
}

fn median_of(samples: &[Sample], figure: fn(&Sample) -> f64) -> f64 {
    median(&mut samples.iter().map(figure).collect::<Vec<_>>())
}

// === impl Compared ===

impl Compared {
    fn new(taken: &[Sample], bare: &[Sample], figure: fn(&Sample) -> f64) -> Self {
        let pairs = taken.iter().zip(bare);
        let more = Estimate::of(pairs.map(|(a, b)| figure(a) - figure(b)).collect());
        Self {
            micros: median_of(taken, figure),
            more,
            percent: more.times(100.0 / median_of(bare, figure)),
        }
    }
}
