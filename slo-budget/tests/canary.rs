//! Simulates releases: good ones with a verdict after every batch, and bad ones until they are detected.
//!
//! Seeds make every run the same. The share `s` of N canaries has a standard error of `sqrt(s (1 - s) / N)`: 0.7 % of
//! 1,000 at 5 %.

use std::time::Duration;

use maestro_slo_budget::{
    Canary, CanaryPolicy,
    canary::{Arm, Builder, Overdue, Reason, Verdict},
};
use tokio::time::Instant;

/// `SplitMix64` (Steele, Lea, Flood, 2014).
struct Dice(u64);

impl Dice {
    /// Above 0 and at most 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// The number of hits among `n` at this rate, drawn as distances between hits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates"
    )]
    fn hits(&mut self, n: u64, rate: f64) -> u64 {
        let between = |dice: &mut Self| (dice.roll().ln() / (-rate).ln_1p()) as u64;
        let (mut hits, mut at) = (0, between(self));
        while at < n {
            hits += 1;
            at = at.saturating_add(1).saturating_add(between(self));
        }
        hits
    }
}

/// The traffic of one arm.
#[derive(Clone, Copy)]
struct Traffic {
    a_batch: u64,
    error_rate: f64,
    slow: f64,
}

const fn traffic(a_batch: u64, error_rate: f64) -> Traffic {
    Traffic {
        a_batch,
        error_rate,
        slow: 0.05,
    }
}

impl Traffic {
    fn add(self, to: Arm, dice: &mut Dice) -> Arm {
        let bad = dice.hits(self.a_batch, self.error_rate);
        let slow = dice.hits(self.a_batch, self.slow);
        let was = to.counts();
        let arm = Arm::new(was.good() + self.a_batch - bad, was.bad() + bad);
        arm.latency(to.slow().unwrap_or(0) + slow, 0)
    }
}

/// Canaries of one kind.
struct Trial {
    policy: CanaryPolicy,
    baseline: Traffic,
    canary: Traffic,
    /// The number of batches between two verdicts.
    every: u64,
    batches: u64,
}

impl Trial {
    fn new(baseline: Traffic, canary: Traffic) -> Self {
        Self {
            policy: for_ever(CanaryPolicy::builder()),
            baseline,
            canary,
            every: 1,
            batches: 1_000,
        }
    }

    /// The first verdict for which `until` holds, or the last, and the number of requests of the canary by then.
    fn run(&self, seed: u64, until: fn(&Verdict) -> bool) -> (Verdict, u64) {
        let now = Instant::now();
        let mut dice = Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let mut release: Canary = self.policy.start_at(now);
        let mut arms = [Arm::default(); 2];
        let mut batch = 0;
        loop {
            batch += 1;
            arms = [
                self.baseline.add(arms[0], &mut dice),
                self.canary.add(arms[1], &mut dice),
            ];
            release.observe(arms[0], arms[1]).expect("counts that grow");
            if batch % self.every == 0 || batch == self.batches {
                let verdict = release.verdict(now);
                if batch == self.batches || until(&verdict) {
                    return (verdict, batch * self.canary.a_batch);
                }
            }
        }
    }

    /// The median of the requests that are needed, over a number of canaries.
    fn median(&self, canaries: u64, until: fn(&Verdict) -> bool) -> u64 {
        let mut needed: Vec<_> = (1..=canaries)
            .map(|seed| {
                let (verdict, requests) = self.run(seed, until);
                if until(&verdict) { requests } else { u64::MAX }
            })
            .collect();
        needed.sort_unstable();
        needed[needed.len() / 2]
    }
}

fn for_ever(builder: Builder) -> CanaryPolicy {
    let builder = builder.max_wait(Duration::MAX, Overdue::Hold);
    builder.build().expect("legal numbers")
}

/// A shown fault stays, so one verdict at the end says whether any batch showed one.
fn rolled_back(baseline: Traffic, canary: Traffic, batches: u64, canaries: u64) -> u64 {
    let mut trial = Trial::new(baseline, canary);
    (trial.every, trial.batches) = (batches, batches);
    let ended = (1..=canaries).map(|seed| trial.run(seed, |_| true).0);
    ended.map(|verdict| u64::from(verdict.is_roll_back())).sum()
}

#[test]
fn healthy_canaries_survive_low_traffic() {
    let rolled_back = rolled_back(traffic(90, 0.001), traffic(10, 0.001), 200, 1_000);
    println!("{rolled_back} of 1,000");
    assert!(rolled_back <= 50, "{rolled_back} of 1,000, where 5 % may");
}

#[test]
fn healthy_canaries_survive_high_traffic() {
    let tenth = rolled_back(traffic(9_000, 0.001), traffic(1_000, 0.001), 25, 500);
    let half = rolled_back(traffic(500, 0.001), traffic(500, 0.001), 50, 500);
    println!("{tenth} and {half} of 500");
    assert!(
        tenth <= 25 && half <= 25,
        "{tenth} and {half} of 500, where 5 % may"
    );
}

#[test]
fn bad_canaries_are_rarely_promoted() {
    // The baseline fails at the rate of the guard, or four times that, and the canary by the margin more often.
    let promoted = [0.001, 0.004].map(|rate| {
        let mut trial = Trial::new(traffic(900, rate), traffic(100, 1.5 * rate));
        (trial.every, trial.batches) = (10, 200);
        let verdicts = (1..=200).map(|seed| trial.run(seed, Verdict::is_promote).0);
        verdicts.filter(Verdict::is_promote).count()
    });
    println!("{promoted:?} of 200");
    assert!(
        promoted.iter().all(|promoted| *promoted <= 10),
        "{promoted:?} of 200, where 5 % may"
    );
}

#[test]
fn a_worse_release_is_detected_sooner() {
    let needed = [2.0, 5.0, 10.0, 100.0].map(|times| {
        let mut trial = Trial::new(traffic(900, 0.001), traffic(100, 0.001 * times));
        trial.every = 2;
        trial.median(60, Verdict::is_roll_back)
    });
    println!("{needed:?}");
    // 15,200, 1,600, 600 and 200.
    let ranges = [13_000..18_000, 1_200..2_000, 400..800, 200..300];
    for (needed, range) in needed.into_iter().zip(ranges) {
        assert!(range.contains(&needed), "{needed}, not {range:?}");
    }
}

#[test]
fn a_better_release_is_promoted_sooner() {
    let needed = [0.0, 0.0001, 0.0003].map(|rate| {
        let mut trial = Trial::new(traffic(900, 0.001), traffic(100, f64::max(rate, 1e-12)));
        trial.every = 5;
        trial.median(60, Verdict::is_promote)
    });
    println!("{needed:?}");
    // 4,000, 4,000 and 11,000.
    let ranges = [3_851..4_001, 3_851..5_001, 8_000..16_000];
    for (needed, range) in needed.into_iter().zip(ranges) {
        assert!(range.contains(&needed), "{needed}, not {range:?}");
    }
}

#[test]
fn a_release_as_bad_as_its_baseline_is_promoted() {
    // 0.8 % fail in both arms: far beyond the guard, and near the hard limit.
    let mut trial = Trial::new(traffic(900, 0.008), traffic(100, 0.008));
    trial.every = 10;
    let (verdict, requests) = trial.run(1, Verdict::is_promote);
    println!("{verdict} after {requests}");
    let by_comparison = |reason: &Reason| matches!(reason, Reason::NotWorse(_));
    assert!(verdict.reasons().iter().any(by_comparison), "{verdict}");
}
