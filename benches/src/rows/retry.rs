use maestro_retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy, StaticRetryBudget};
use tower::Layer;

use super::floors::{FAILS_EVERY_OTHER, READY};
use crate::{
    Row,
    inner::{FailsEveryOther, Nothing},
};

static BUDGET: StaticRetryBudget = RetryBudget::builder().build_static("static");

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::service("retry, none needed", READY, || {
            RetryLayer::new(policy()).layer(Nothing)
        })
        .target(65.0, 0.0),
        // The budget is an exact share of the calls, so each call pays in: one bus-locked instruction.
        Row::service("retry, none needed, with a budget, Arc", READY, || {
            RetryLayer::new(policy().budget(RetryBudget::new("shared"))).layer(Nothing)
        })
        .target(75.0, 3.0),
        Row::service("retry, none needed, with a budget, static", READY, || {
            RetryLayer::new(policy().budget(&BUDGET)).layer(Nothing)
        })
        .target(60.0, 1.0),
        Row::service("retry, one, without delay", FAILS_EVERY_OTHER, || {
            RetryLayer::new(policy()).layer(FailsEveryOther::new())
        })
        .target(130.0, 0.0),
    ]
}

/// Three attempts without delays: a delay would be the clock's cost, not that of the layer.
pub(super) fn policy() -> RetryPolicy {
    RetryPolicy::builder()
        .attempts(3)
        .backoff(Backoff::none())
        .build()
        .expect("three attempts are legal")
}
