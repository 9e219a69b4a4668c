use std::time::Duration;

use maestro_retry::{
    Backoff, CloneRequest, FallbackLayer, HalfFull, Hedge, HedgeLayer, NoDeadline, RetryBudget,
    RetryErrors, RetryLayer, RetryPolicy, StaticHalfFull, StaticRetryBudget, Unlimited,
};
use tower::Layer;

use super::floors::{FAILS_EVERY_OTHER, PENDING, READY};
use crate::{
    Row,
    inner::{FailsEveryOther, Nothing, PendingOnce},
};

static THROTTLE: StaticHalfFull = HalfFull::builder().build_static("static");
static BUDGET: StaticRetryBudget = RetryBudget::builder().build_static("static");

pub(super) fn rows() -> Vec<Row> {
    vec![
        // The default policy has a budget of its own. A success only reads its full bucket.
        Row::service("retry, none needed", READY, || {
            RetryLayer::new(policy()).layer(Nothing)
        }),
        Row::service("retry, none needed, leaked", READY, || {
            RetryLayer::new(policy().leak()).layer(Nothing)
        }),
        Row::service("retry, none needed, unlimited", READY, || {
            RetryLayer::new(policy().unlimited()).layer(Nothing)
        })
        .target(80.0, 0.0),
        Row::service("retry, none needed, unlimited, leaked", READY, || {
            RetryLayer::new(policy().unlimited().leak()).layer(Nothing)
        })
        .target(80.0, 0.0),
        // A name costs a reference count, and with the feature `metrics` a counter.
        Row::service("retry, none needed, named", READY, || {
            RetryLayer::new(policy().unlimited().named("row")).layer(Nothing)
        }),
        Row::service("retry, none needed, named, static", READY, || {
            RetryLayer::new(policy().unlimited().named("row").leak()).layer(Nothing)
        }),
        // The budget is an exact share of the calls, so each call makes a deposit: one bus-locked instruction.
        Row::service("retry, none needed, with a budget, Arc", READY, || {
            RetryLayer::new(policy().budget(RetryBudget::new("shared"))).layer(Nothing)
        })
        .target(165.0, 3.0),
        Row::service("retry, none needed, with a budget, static", READY, || {
            RetryLayer::new(policy().budget(&BUDGET).leak()).layer(Nothing)
        })
        .target(135.0, 1.0),
        Row::service("retry, none needed, with a throttle, static", READY, || {
            RetryLayer::new(policy().budget(&THROTTLE).leak()).layer(Nothing)
        }),
        // Neither ends after the delay, which is the longest. With full credit a call only reads the shared word.
        Row::service("retry, hedge, inner ready", READY, || {
            hedged().layer(Nothing)
        }),
        Row::service("retry, hedge, inner pending once", PENDING, || {
            hedged().layer(PendingOnce)
        })
        .timed(),
        // Every other call fails, for which the default budget would grant few retries.
        Row::service("retry, one, without delay", FAILS_EVERY_OTHER, || {
            RetryLayer::new(policy().unlimited()).layer(FailsEveryOther::new())
        })
        .target(180.0, 0.0),
        Row::service(
            "retry, one, without delay, static",
            FAILS_EVERY_OTHER,
            || RetryLayer::new(policy().unlimited().leak()).layer(FailsEveryOther::new()),
        )
        .target(180.0, 0.0),
        // The closure has no size and the request is a number: the price of the layer itself.
        Row::service("retry, fallback, none needed", READY, || {
            FallbackLayer::new(async |request, _| Ok(request)).layer(Nothing)
        }),
        Row::service("retry, fallback, one", FAILS_EVERY_OTHER, || {
            FallbackLayer::new(async |request, _| Ok(request)).layer(FailsEveryOther::new())
        }),
    ]
}

fn hedged() -> HedgeLayer<
    &'static RetryPolicy<RetryErrors, CloneRequest, NoDeadline, Unlimited>,
    &'static Hedge,
> {
    let hedge = Hedge::after(Duration::from_hours(1)).build();
    RetryLayer::new(policy().unlimited().leak()).hedge(hedge.expect("an hour is legal").leak())
}

/// Three attempts without delays: a delay would measure the clock, not the layer.
pub(crate) fn policy() -> RetryPolicy {
    RetryPolicy::builder()
        .attempts(3)
        .backoff(Backoff::none())
        .build()
        .expect("three attempts are legal")
}
