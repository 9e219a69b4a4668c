//! The breakers of the rows.

use std::time::Duration;

use failsafe::{Config, FailurePolicy, backoff, failure_policy};
use recloser::{AsyncRecloser, Recloser};
use seatbelt::{RecoveryInfo, ResilienceContext, breaker::Breaker};
use tick::Clock;
use tower::{Layer, Service};
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerLayer, DefaultClassifier,
};

use crate::{
    Request, Response, Trouble,
    drive::{Driven, Measurable},
    inner::Reply,
    peers::adapt::{Failsafe, Layered, Reclosed},
};

/// So long that nothing expires, and that an open circuit stays open.
pub(super) const LONG: Duration = Duration::from_hours(1);

pub(super) type Numbers = CircuitBreakerConfigBuilder<DefaultClassifier>;

/// The window of calls that ours has in these rows.
pub(super) fn reclosed<S>(inner: S) -> impl Driven
where
    S: Measurable,
{
    Reclosed {
        recloser: recloser(),
        inner,
    }
}

pub(crate) fn recloser() -> AsyncRecloser {
    Recloser::custom()
        .closed_len(100)
        .error_rate(0.5)
        .build()
        .into()
}

type Constant = backoff::Constant;

pub(super) fn in_a_row(failures: u32) -> failure_policy::ConsecutiveFailures<Constant> {
    failure_policy::consecutive_failures(failures, backoff::constant(LONG))
}

/// It decides only once its window has passed, so this one never opens; the work is the same.
pub(super) fn over_time() -> failure_policy::SuccessRateOverTimeWindow<Constant> {
    failure_policy::success_rate_over_time_window(0.5, 10, LONG, backoff::constant(LONG))
}

pub(super) fn failsafe<P, S>(policy: P, inner: S) -> impl Driven
where
    P: FailurePolicy + Send + Sync + 'static,
    S: Measurable,
{
    Failsafe {
        breaker: Config::new().failure_policy(policy).build(),
        inner,
    }
}

pub(super) fn calls() -> Numbers {
    CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
}

pub(super) fn consecutive() -> Numbers {
    CircuitBreakerLayer::builder().consecutive_failures(5)
}

pub(super) fn resilience<S>(numbers: Numbers, inner: S) -> impl Driven
where
    S: Measurable<Future: Send>,
{
    let (layer, _) = numbers.build_with_handle().expect("the numbers are legal");
    layer.layer(inner)
}

/// A breaker of seatbelt over a window of an hour. Its service is used by reference.
pub(super) fn belted<S>(
    threshold: f32,
    minimum: u32,
    inner: S,
) -> impl layered::Service<Request, Out = Result<Response, Trouble>> + Clone
where
    S: Service<Request, Future = Reply> + Copy + Send + Sync,
{
    let context = ResilienceContext::new(Clock::new_tokio());
    let breaker = Breaker::layer("breaker", &context)
        .recovery_with(|result: &Result<Response, Trouble>, _| match result {
            Ok(_) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_, _| Trouble::Failed)
        .failure_threshold(threshold)
        .min_throughput(minimum)
        .sampling_duration(LONG)
        .break_duration(LONG);
    breaker.layer(Layered(inner))
}
