mod claims;
mod inputs;
mod limits;
mod measurements;
mod mixture;
mod model;
mod peeking;
mod runs;
#[cfg(feature = "serde")]
mod saved;
mod sign;
mod steps;

use std::time::Duration;

use tokio::time::Instant;

use super::{Arm, Builder, Canary, CanaryPolicy, Verdict};

const MINUTE: Duration = Duration::from_secs(60);

fn errors_only() -> Builder {
    CanaryPolicy::builder().without_latency()
}

/// What promotes any step in five minutes.
const GOOD: ((u64, u64), (u64, u64)) = ((9_000, 9), (1_000, 0));

fn promoted() -> Release {
    let mut release = Release::new(errors_only());
    assert!(release.minutes(5, GOOD.0, GOOD.1).is_promote());
    release
}

/// A release that is measured once a minute.
struct Release {
    canary: Canary,
    now: Instant,
    baseline: Arm,
    tried: Arm,
}

impl Release {
    #[expect(
        clippy::large_types_passed_by_value,
        reason = "a builder is passed by value everywhere"
    )]
    fn new(builder: Builder) -> Self {
        let now = Instant::now();
        Self {
            canary: builder.build().unwrap().start_at(now),
            now,
            baseline: Arm::default(),
            tried: Arm::default(),
        }
    }

    /// A minute with these requests and failures, and the verdict after it.
    fn minute(&mut self, baseline: (u64, u64), canary: (u64, u64)) -> Verdict {
        self.after(MINUTE, baseline, canary)
    }

    fn after(&mut self, time: Duration, baseline: (u64, u64), canary: (u64, u64)) -> Verdict {
        self.baseline = add(self.baseline, baseline);
        self.tried = add(self.tried, canary);
        self.observe(time)
    }

    fn observe(&mut self, time: Duration) -> Verdict {
        self.now += time;
        (self.canary.observe_at(self.baseline, self.tried, self.now)).unwrap();
        self.verdict()
    }

    fn minutes(&mut self, times: u32, baseline: (u64, u64), canary: (u64, u64)) -> Verdict {
        (0..times).for_each(|_| drop(self.minute(baseline, canary)));
        self.verdict()
    }

    fn verdict(&self) -> Verdict {
        self.canary.verdict(self.now)
    }
}

fn add(arm: Arm, (requests, failures): (u64, u64)) -> Arm {
    let was = arm.counts();
    let sum = Arm::new(was.good() + requests - failures, was.bad() + failures);
    match (arm.slow(), arm.much_too_slow()) {
        (Some(slow), Some(much)) => sum.latency(slow, much),
        _ => sum,
    }
}
