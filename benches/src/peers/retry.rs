use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};

use backon::{ConstantBuilder, Retryable};
use seatbelt::{
    RecoveryInfo, ResilienceContext,
    hedging::Hedging,
    retry::{Backoff, Retry as SeatbeltRetry},
};
use tick::Clock;
use tower::{
    Layer, Service,
    retry::{
        Policy, RetryLayer,
        budget::{Budget, TpsBudget},
    },
};
use tower_resilience_hedge::HedgeLayer;
use tower_resilience_retry::RetryBudgetBuilder;

use super::{
    Comparison,
    Peer::{Backon, Seatbelt, Tower, TowerResilience},
    adapt::{FUTURE, FUTURE_EVERY_OTHER, Layered, call, drive, executes},
};
use crate::{
    Request, Response, Row, Trouble,
    inner::{FailsEveryOther, Nothing, Reply},
    rows::floors::{FAILS_EVERY_OTHER, READY},
    timed::LIMIT,
};

pub(super) fn comparisons() -> Vec<Comparison> {
    vec![
        none_needed(),
        with_a_budget(),
        one(),
        Comparison::new(
            "hedge, the first attempt is ready",
            "retry, hedge, inner ready",
            None,
        )
        .peer(
            Seatbelt,
            Row::object("seatbelt, hedge, inner ready", FUTURE, || {
                executes(hedging(Nothing))
            })
            .timed(),
        )
        .peer(
            TowerResilience,
            Row::service("tower-resilience, hedge, inner ready", READY, || {
                HedgeLayer::new(LIMIT).layer(Nothing)
            })
            .timed(),
        )
        .note(
            "tower's `Hedge` waits for a percentile of the measured latencies and not for a fixed delay; it is not \
             measured",
        ),
    ]
}

fn none_needed() -> Comparison {
    Comparison::new(
        "retry, none needed",
        "retry, none needed, unlimited",
        Some("retry, none needed, unlimited, leaked"),
    )
    .peer(
        Tower,
        Row::service("tower, retry, none needed", READY, || {
            RetryLayer::new(Attempts::THREE).layer(Nothing)
        }),
    )
    .peer(
        Backon,
        Row::object("backon, none needed", FUTURE, || retried(Nothing)),
    )
    .peer(
        Seatbelt,
        Row::object("seatbelt, retry, none needed", FUTURE, || {
            executes(belted(Nothing))
        })
        .timed(),
    )
    .peer(
        TowerResilience,
        Row::service("tower-resilience, retry, none needed", READY, || {
            resilience().build().layer(Nothing)
        }),
    )
}

fn with_a_budget() -> Comparison {
    Comparison::new(
        "retry, none needed, with a budget",
        "retry, none needed, with a budget, Arc",
        Some("retry, none needed, with a budget, static"),
    )
    .peer(
        Tower,
        Row::service("tower, retry, with a budget", READY, || {
            let budget = Arc::new(TpsBudget::default());
            RetryLayer::new(Budgeted { left: 2, budget }).layer(Nothing)
        }),
    )
    .peer(
        TowerResilience,
        Row::service("tower-resilience, retry, with a budget", READY, || {
            let budget = RetryBudgetBuilder::new().token_bucket().build();
            let budget = budget.expect("the defaults are legal");
            resilience().budget(budget).build().layer(Nothing)
        }),
    )
    .note(
        "tower-resilience's token bucket is filled by time, so a success takes its lock and adds nothing; ours and tower's \
         are filled by calls",
    )
}

fn one() -> Comparison {
    Comparison::new(
        "one retry, without a delay",
        "retry, one, without delay",
        Some("retry, one, without delay, static"),
    )
    .peer(
        Tower,
        Row::service("tower, one retry", FAILS_EVERY_OTHER, || {
            RetryLayer::new(Attempts::THREE).layer(FailsEveryOther::new())
        }),
    )
    .peer(
        Backon,
        Row::object("backon, one retry", FUTURE_EVERY_OTHER, || {
            retried(FailsEveryOther::new())
        }),
    )
    .peer(
        Seatbelt,
        Row::object("seatbelt, one retry", FUTURE_EVERY_OTHER, || {
            executes(belted(FailsEveryOther::new()))
        })
        .timed(),
    )
    .note(
        "tower-resilience has no retry without a timer: a delay of zero waits for the next tick, a millisecond. backon's \
         own sleeper does too; here it has one that is ready",
    )
}

/// Up to three attempts, without a delay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempts {
    left: u8,
}

impl Attempts {
    pub(super) const THREE: Self = Self { left: 2 };
}

impl<E> Policy<Request, Response, E> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<Response, E>) -> Option<Ready<()>> {
        result.as_ref().err()?;
        self.left = self.left.checked_sub(1)?;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(*request)
    }
}

/// The same, within tower's budget.
#[derive(Clone, Debug)]
struct Budgeted {
    left: u8,
    budget: Arc<TpsBudget>,
}

impl<E> Policy<Request, Response, E> for Budgeted {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<Response, E>) -> Option<Ready<()>> {
        if result.is_ok() {
            self.budget.deposit();
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        self.budget.withdraw().then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(*request)
    }
}

/// backon retries a closure; it has no service.
fn retried<S>(
    mut inner: S,
) -> impl FnMut(Request) -> Result<Response, Trouble> + Clone + Send + 'static
where
    S: Service<Request, Future = Reply> + Clone + Send + 'static,
{
    const TWICE: ConstantBuilder = ConstantBuilder::new()
        .with_delay(Duration::ZERO)
        .with_max_times(2);
    move |request| {
        drive(
            (|| call(&mut inner, request))
                .retry(TWICE)
                .sleep(|_| ready(())),
        )
    }
}

fn recovery(result: &Result<Response, Trouble>) -> RecoveryInfo {
    match result {
        Ok(_) => RecoveryInfo::never(),
        Err(_) => RecoveryInfo::retry(),
    }
}

fn belted<S>(inner: S) -> impl layered::Service<Request, Out = Result<Response, Trouble>> + Clone
where
    S: Service<Request, Future = Reply> + Copy + Send + Sync,
{
    let context = ResilienceContext::new(Clock::new_tokio());
    SeatbeltRetry::layer("retry", &context)
        .clone_input()
        .recovery_with(|result, _| recovery(result))
        .max_retry_attempts(2)
        .backoff(Backoff::Constant)
        .base_delay(Duration::ZERO)
        .use_jitter(false)
        .layer(Layered(inner))
}

fn hedging<S>(inner: S) -> impl layered::Service<Request, Out = Result<Response, Trouble>> + Clone
where
    S: Service<Request, Future = Reply> + Copy + Send + Sync,
{
    let context = ResilienceContext::new(Clock::new_tokio());
    Hedging::layer("hedge", &context)
        .clone_input()
        .recovery_with(|result, _| recovery(result))
        .max_hedged_attempts(1)
        .hedging_delay(LIMIT)
        .layer(Layered(inner))
}

fn resilience() -> tower_resilience_retry::RetryConfigBuilder<Request, Response, Trouble> {
    tower_resilience_retry::RetryLayer::builder()
        .max_attempts(3)
        .fixed_backoff(Duration::ZERO)
}
