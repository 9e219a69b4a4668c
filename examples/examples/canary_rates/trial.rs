//! Many releases of one kind, each observed once a batch until it is decided.

use std::time::Duration;

use maestro_slo_budget::{
    CanaryPolicy,
    canary::{Arm, Builder, Overdue, Reason, Verdict},
};
use tokio::time::Instant;

use crate::worlds::{Minutes, World};

/// Releases of one world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) world: World,
    pub(crate) policy: CanaryPolicy,
    /// The requests of the baseline and of the canary in a batch.
    pub(crate) requests: [u64; 2],
    pub(crate) batches: u64,
    pub(crate) releases: u64,
    /// The batches between two verdicts.
    pub(crate) every: u64,
    /// Whether failures are slow requests instead.
    pub(crate) slow: bool,
}

/// For each release the batch at which something was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decided(Vec<Option<u64>>);

/// A tenth of the requests goes to the canary.
pub(crate) const fn tenth(canary: u64) -> [u64; 2] {
    [9 * canary, canary]
}

/// Half of them.
pub(crate) const fn half(canary: u64) -> [u64; 2] {
    [canary, canary]
}

/// The default policy, which compares errors only, never gives up and has no other limit than half of the requests.
pub(crate) fn compared() -> Builder {
    CanaryPolicy::builder()
        .without_latency()
        .max_wait(Duration::MAX, Overdue::Hold)
        .availability("50%".parse().expect("an objective"))
}

/// The default policy with its limit on errors.
pub(crate) fn limited() -> Builder {
    compared().availability("99%".parse().expect("an objective"))
}

impl Trial {
    #[expect(
        clippy::large_types_passed_by_value,
        reason = "a builder is passed by value everywhere"
    )]
    pub(crate) fn new(world: World, builder: Builder, requests: [u64; 2]) -> Self {
        Self {
            world,
            policy: builder.build().expect("legal numbers"),
            requests,
            batches: 600,
            releases: 400,
            every: 1,
            slow: false,
        }
    }

    /// Runs each release until `decides`, or for all batches.
    pub(crate) fn until(&self, decides: impl Fn(&Verdict) -> bool) -> Decided {
        self.run(self.every, decides)
    }

    /// Runs each release for all batches, and asks at the end: a fault stays.
    pub(crate) fn ever(&self, decides: impl Fn(&Verdict) -> bool) -> Decided {
        self.run(self.batches, decides)
    }

    fn run(&self, every: u64, decides: impl Fn(&Verdict) -> bool) -> Decided {
        let start = Instant::now();
        let batch = Duration::from_mins(1);
        let release = |seed| {
            let mut minutes = Minutes::new(self.world, seed);
            let mut release = self.policy.start_at(start);
            let mut arms = [[0; 2]; 2];
            let mut now = start;
            (1..=self.batches).find(|n| {
                now += batch;
                let failures = minutes.failures(self.requests);
                for (arm, (requests, failures)) in
                    arms.iter_mut().zip(self.requests.into_iter().zip(failures))
                {
                    arm[0] += requests;
                    arm[1] += failures;
                }
                let [baseline, canary] = arms.map(|[requests, failures]| {
                    if self.slow {
                        Arm::new(requests, 0).latency(failures, 0)
                    } else {
                        Arm::new(requests - failures, failures)
                    }
                });
                (release.observe_at(baseline, canary, now)).expect("counts that grow");
                n % every == 0 && decides(&release.verdict(now))
            })
        };
        Decided((1..=self.releases).map(release).collect())
    }
}

/// Rolled back because it fails more often than the baseline.
pub(crate) fn worse(verdict: &Verdict) -> bool {
    has(verdict, |reason| matches!(reason, Reason::Worse(_)))
}

/// Rolled back because it fails more than five times as often.
pub(crate) fn far_worse(verdict: &Verdict) -> bool {
    has(verdict, |reason| {
        matches!(reason, Reason::TimesErrorRate { .. })
    })
}

/// Rolled back because it is slow more often.
pub(crate) fn slower(verdict: &Verdict) -> bool {
    has(verdict, |reason| matches!(reason, Reason::Slower(_)))
}

/// Rolled back by a limit.
pub(crate) fn beyond(verdict: &Verdict) -> bool {
    has(verdict, |reason| matches!(reason, Reason::Beyond(_)))
}

/// Not worse by the margin.
pub(crate) fn not_worse(verdict: &Verdict) -> bool {
    verdict.evidence().not_worse().is_enough()
}

/// Promoted by the harm that it can do.
pub(crate) fn within_guard(verdict: &Verdict) -> bool {
    verdict.is_promote() && {
        let mut reasons = verdict.reasons().iter();
        reasons.any(|reason| matches!(reason, Reason::WithinGuard { .. }))
    }
}

fn has(verdict: &Verdict, is: impl Fn(&Reason) -> bool) -> bool {
    verdict.is_roll_back() && verdict.reasons().iter().any(is)
}

// === impl Decided ===

impl Decided {
    /// The releases that were decided.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    pub(crate) fn percent(&self) -> f64 {
        100.0 * self.count() as f64 / self.0.len() as f64
    }

    /// The batch by which this percentage of all releases was decided.
    pub(crate) fn batches(&self, percent: usize) -> Option<u64> {
        let mut batches: Vec<_> = self
            .0
            .iter()
            .map(|batch| batch.unwrap_or(u64::MAX))
            .collect();
        batches.sort_unstable();
        let at = (batches.len() * percent).div_ceil(100).saturating_sub(1);
        Some(batches[at]).filter(|batch| *batch < u64::MAX)
    }
}
