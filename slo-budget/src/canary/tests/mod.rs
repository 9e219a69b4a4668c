mod exact;
mod faults;
mod inputs;
mod large;
mod mixture;
mod model;
mod peeking;
mod promotions;
mod steps;

use tokio::time::Instant;

use super::{Arm, Builder, Canary, CanaryPolicy, Verdict};

fn errors_only() -> Builder {
    CanaryPolicy::builder().without_latency()
}

fn started(builder: Builder) -> Canary {
    builder.build().unwrap().start_at(Instant::now())
}

fn after(builder: Builder, baseline: Arm, canary: Arm) -> Verdict {
    let mut release = started(builder);
    release.observe(baseline, canary).unwrap();
    release.verdict(Instant::now())
}

/// A release that is promoted.
fn good() -> (Arm, Arm) {
    (Arm::new(99_900, 100), Arm::new(10_000, 0))
}
