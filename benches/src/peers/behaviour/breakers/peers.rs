//! The breakers of the peers.

use std::{task::Poll, time::Duration};

use failsafe::{FailurePolicy, futures::CircuitBreaker as _};
use layered::Execute;
use recloser::{AsyncRecloser, Recloser};
use seatbelt::{
    RecoveryInfo, ResilienceContext,
    breaker::{Breaker as Seatbelt, HalfOpenMode},
};
use tick::ClockControl;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{
    CircuitBreakerHandle, CircuitBreakerLayer as ResilienceLayer, CircuitState,
};

use super::{super::wait_for_the_clock, Breaker, Call, End, HOUR, Work, done, now};

// === recloser ===

struct Reclosed(AsyncRecloser);

pub(super) fn reclosed(wait: Duration, again: Duration) -> impl Breaker {
    let recloser = Recloser::custom()
        .closed_len(2)
        .half_open_len(1)
        .open_wait(wait)
        .open_wait_strategy(move |_, _| again);
    Reclosed(recloser.build().into())
}

impl Breaker for Reclosed {
    fn call(&self, work: Work) -> Call {
        let call = self.0.call(work);
        Box::pin(async move {
            match call.await {
                Ok(()) => End::Done,
                Err(recloser::Error::Rejected) => End::Rejected,
                Err(recloser::Error::Inner(_)) => End::Failed,
            }
        })
    }

    /// It compares from the first call on that finds its window full.
    fn failures(&self) -> u32 {
        3
    }

    fn elapse(&self) {
        wait_for_the_clock();
    }
}

// === failsafe ===

struct Failsafe<P>(failsafe::StateMachine<P, ()>);

pub(super) fn failsafe(wait: Duration, again: Duration) -> impl Breaker {
    let waits = std::iter::once(wait).chain(std::iter::repeat(again));
    let policy = failsafe::failure_policy::consecutive_failures(2, waits);
    Failsafe(failsafe::Config::new().failure_policy(policy).build())
}

impl<P: FailurePolicy + Send + Sync + 'static> Breaker for Failsafe<P> {
    fn call(&self, work: Work) -> Call {
        let call = self.0.call(work);
        Box::pin(async move {
            match call.await {
                Ok(()) => End::Done,
                Err(failsafe::Error::Rejected) => End::Rejected,
                Err(failsafe::Error::Inner(_)) => End::Failed,
            }
        })
    }

    fn elapse(&self) {
        wait_for_the_clock();
    }
}

// === seatbelt ===

struct Belted<S> {
    service: S,
    clock: ClockControl,
}

/// It has no count of consecutive failures: half of two calls is as near as it gets. Rejections are told apart by their
/// error.
pub(super) fn belted(wait: Duration) -> impl Breaker {
    let clock = ClockControl::new();
    let context = ResilienceContext::new(clock.to_clock());
    let layer = Seatbelt::layer("breaker", &context)
        .recovery_with(|result: &Result<(), BeltedError>, _| match result {
            Ok(()) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_, _| BeltedError::Rejected)
        .failure_threshold(0.5)
        .min_throughput(2)
        .break_duration(wait)
        .half_open_mode(HalfOpenMode::quick());
    Belted {
        service: layer.layer(Execute::new(async |work: Work| {
            work.await.map_err(|_| BeltedError::Failed)
        })),
        clock,
    }
}

enum BeltedError {
    Failed,
    Rejected,
}

impl<S> Breaker for Belted<S>
where
    S: layered::Service<Work, Out = Result<(), BeltedError>> + Clone + 'static,
{
    fn call(&self, work: Work) -> Call {
        let service = self.service.clone();
        Box::pin(async move {
            match service.execute(work).await {
                Ok(()) => End::Done,
                Err(BeltedError::Rejected) => End::Rejected,
                Err(BeltedError::Failed) => End::Failed,
            }
        })
    }

    fn elapse(&self) {
        self.clock.advance(2 * HOUR);
    }
}

// === tower-resilience ===

struct Resilience {
    layer: ResilienceLayer,
    handle: CircuitBreakerHandle,
}

pub(super) fn resilience(wait: Duration) -> impl Breaker {
    let layer = ResilienceLayer::builder()
        .consecutive_failures(2)
        .wait_duration_in_open(wait)
        .permitted_calls_in_half_open(1);
    let (layer, handle) = layer.build_with_handle().expect("the numbers are legal");
    Resilience { layer, handle }
}

impl Breaker for Resilience {
    fn call(&self, work: Work) -> Call {
        let mut service = self.layer.layer(service_fn(|work: Work| work));
        Box::pin(async move {
            match async { service.ready().await?.call(work).await }.await {
                Ok(()) => End::Done,
                Err(error) if error.is_circuit_open() => End::Rejected,
                Err(_) => End::Failed,
            }
        })
    }

    fn elapse(&self) {
        wait_for_the_clock();
    }

    /// With a wait of zero an open circuit admits the next call as a probe, so its state is asked. While it is half-open
    /// a call is asked.
    fn rejects(&self) -> bool {
        match self.handle.state() {
            CircuitState::Open => true,
            CircuitState::Closed => false,
            CircuitState::HalfOpen => now(&mut self.call(done())) != Poll::Ready(End::Done),
        }
    }
}
