//! The breakers with one interface: a future goes in, and its end comes out.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use failsafe::{FailurePolicy, futures::CircuitBreaker as _};
use layered::Execute;
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, OnCancel, Probes};
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

use super::wait_for_the_clock;
use crate::{Trouble, peers::Peer};

/// A call's work: a future that a program controls.
pub(super) type Work = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send>>;

/// A call that was started. Nothing happens until it is polled.
pub(super) type Call = Pin<Box<dyn Future<Output = End>>>;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed,
    Rejected,
}

/// A breaker that opens at the third failure in a row or before, and admits one probe after its wait.
pub(super) trait Breaker {
    fn call(&self, work: Work) -> Call;

    /// Lets the wait of an open circuit pass.
    fn elapse(&self);

    /// Whether it rejects the next call.
    fn rejects(&self) -> bool {
        now(&mut self.call(done())) == Poll::Ready(End::Rejected)
    }

    /// The failures that open it.
    fn failures(&self) -> u32 {
        2
    }

    /// Opens it.
    fn trip(&self) {
        for _ in 0..self.failures() {
            let _ = now(&mut self.call(failed()));
        }
    }
}

/// Ours, and those of the peers.
pub(super) type Breakers = (Box<dyn Breaker>, Vec<Column>);

/// A breaker, and whose it is.
type Column = (Peer, Box<dyn Breaker>);

/// Ours, and each of the peers, with a wait that passes at once or under control. A circuit that opens again waits for
/// an hour.
pub(super) fn all() -> Breakers {
    let peers: Vec<Column> = vec![
        (Peer::Recloser, Box::new(reclosed(Duration::ZERO, HOUR))),
        (Peer::Failsafe, Box::new(failsafe(Duration::ZERO, HOUR))),
        (Peer::Seatbelt, Box::new(belted(HOUR))),
        (Peer::TowerResilience, Box::new(resilience(Duration::ZERO))),
    ];
    (Box::new(ours(HOUR, OnCancel::Ignored)), peers)
}

/// The same with one wait.
pub(super) fn all_waiting(wait: Duration) -> Breakers {
    let peers: Vec<Column> = vec![
        (Peer::Recloser, Box::new(reclosed(wait, wait))),
        (Peer::Failsafe, Box::new(failsafe(wait, wait))),
        (Peer::Seatbelt, Box::new(belted(wait))),
        (Peer::TowerResilience, Box::new(resilience(wait))),
    ];
    (Box::new(ours(wait, OnCancel::Ignored)), peers)
}

pub(super) const HOUR: Duration = Duration::from_hours(1);

/// A future of any kind.
pub(super) type Anything<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Polls a call once.
pub(super) fn now<T>(call: &mut Anything<'_, T>) -> Poll<T> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn done() -> Work {
    Box::pin(async { Ok(()) })
}

pub(super) fn failed() -> Work {
    Box::pin(async { Err(Trouble::Failed) })
}

pub(super) fn hung() -> Work {
    Box::pin(std::future::pending())
}

// === ours ===

struct Ours(CircuitBreaker);

pub(super) fn ours(wait: Duration, on_cancel: OnCancel) -> impl Breaker {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(wait)
        .probes(Probes::one())
        .on_cancel(on_cancel);
    Ours(breaker.build("ours").expect("the numbers are legal"))
}

impl Breaker for Ours {
    fn call(&self, work: Work) -> Call {
        let mut service = CircuitBreakerLayer::new(self.0.clone()).layer(service_fn(|work| work));
        Box::pin(async move {
            match async { service.ready().await?.call(work).await }.await {
                Ok(()) => End::Done,
                Err(Trouble::Open(_)) => End::Rejected,
                Err(_) => End::Failed,
            }
        })
    }

    fn elapse(&self) {
        let mut advance: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(tokio::time::advance(2 * HOUR));
        let _ = now(&mut advance);
    }
}

// === recloser ===

struct Reclosed(AsyncRecloser);

fn reclosed(wait: Duration, again: Duration) -> impl Breaker {
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

fn failsafe(wait: Duration, again: Duration) -> impl Breaker {
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
fn belted(wait: Duration) -> impl Breaker {
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

fn resilience(wait: Duration) -> impl Breaker {
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
