//! What the services, the listeners and the connections of a breaker share.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Override, State};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{
    CircuitBreakerHandle, CircuitBreakerLayer as ResilienceLayer,
};

use super::{
    Defect,
    breakers::{Anything, HOUR, Work, done, failed, now},
    paused,
};
use crate::peers::Peer;

pub(super) fn defects() -> Vec<Defect> {
    vec![outdated(), under_a_lock(), for_each_layer()]
}

fn outdated() -> Defect {
    let (ours, resilience) = paused(async {
        let breaker = CircuitBreaker::new("ours");
        let mut service =
            CircuitBreakerLayer::new(breaker.clone()).layer(service_fn(|work: Work| work));
        breaker.force_open(Override::new("test", "an outage"));
        service
            .ready()
            .await
            .map(drop)
            .expect("it is ready to reject");
        breaker.resume(Override::new("test", "it is over"));
        let ours = service
            .ready()
            .await
            .expect("closed")
            .call(done())
            .await
            .is_err();

        let layer = ResilienceLayer::builder()
            .wait_duration_in_open(HOUR)
            .build_with_handle();
        let (layer, handle) = layer.expect("the numbers are legal");
        let mut service = layer.layer(service_fn(|work: Work| work));
        handle.force_open().await;
        service
            .ready()
            .await
            .map(drop)
            .expect("it is ready to reject");
        handle.force_closed().await;
        let resilience = service
            .ready()
            .await
            .expect("closed")
            .call(done())
            .await
            .is_err();
        (ours, resilience)
    });
    Defect::new(
        "a service that was ready while the circuit was open rejects a call after it has closed, although it is asked again",
        ours,
        [(Peer::TowerResilience, resilience)],
    )
}

fn under_a_lock() -> Defect {
    let ours = paused(async {
        let answered = Arc::new(AtomicBool::new(false));
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .build("ours");
        let breaker = breaker.expect("one is legal");
        let (inside, told) = (breaker.clone(), Arc::clone(&answered));
        let _listener = breaker.on_transition(move |_| {
            told.store(inside.state() == State::Open, Relaxed);
        });
        breaker.try_acquire().expect("closed").failure();
        !answered.load(Relaxed)
    });
    let resilience = paused(async {
        let answered = Arc::new(AtomicBool::new(false));
        let slot: Arc<OnceLock<CircuitBreakerHandle>> = Arc::default();
        let (inside, told) = (Arc::clone(&slot), Arc::clone(&answered));
        let layer = ResilienceLayer::builder()
            .consecutive_failures(1)
            .on_state_transition(move |_, _| {
                let handle = inside.get().expect("it is set before the first call");
                // The lock is free if the metrics can be read at once.
                let mut metrics: Anything<'_, _> = Box::pin(handle.metrics());
                told.store(now(&mut metrics).is_ready(), Relaxed);
            });
        let (layer, handle) = layer.build_with_handle().expect("one is legal");
        slot.set(handle).ok();
        let mut service = layer.layer(service_fn(|work: Work| work));
        service
            .ready()
            .await
            .expect("closed")
            .call(failed())
            .await
            .ok();
        !answered.load(Relaxed)
    });
    Defect::new(
        "a listener runs under the lock of the circuit, so it cannot ask the circuit anything",
        ours,
        [(Peer::TowerResilience, resilience)],
    )
    .untried(&[Peer::Failsafe, Peer::Seatbelt])
}

fn for_each_layer() -> Defect {
    let (ours, resilience, seatbelt) = paused(async {
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .build("ours");
        let layer = CircuitBreakerLayer::new(breaker.expect("one is legal"));
        let (mut a, mut b) = (
            layer.layer(service_fn(|w: Work| w)),
            layer.layer(service_fn(|w: Work| w)),
        );
        a.ready().await.expect("closed").call(failed()).await.ok();
        let ours = b.ready().await.expect("ready").call(done()).await.is_ok();

        let layer = ResilienceLayer::builder().consecutive_failures(1).build();
        let layer = layer.expect("one is legal");
        let (mut a, mut b) = (
            layer.layer(service_fn(|w: Work| w)),
            layer.layer(service_fn(|w: Work| w)),
        );
        a.ready().await.expect("closed").call(failed()).await.ok();
        let resilience = b.ready().await.expect("ready").call(done()).await.is_ok();

        let context = seatbelt::ResilienceContext::new(tick::Clock::new_frozen());
        let layer = seatbelt::breaker::Breaker::layer("breaker", &context)
            .recovery_with(|_: &Result<(), ()>, _| seatbelt::RecoveryInfo::retry())
            .rejected_input_error(|_: Result<(), ()>, _| ())
            .min_throughput(1);
        let make = || layer.layer(layered::Execute::new(async |result: Result<(), ()>| result));
        let (a, b) = (make(), make());
        layered::Service::execute(&a, Err(())).await.ok();
        let seatbelt = layered::Service::execute(&b, Ok(())).await.is_ok();
        (ours, resilience, seatbelt)
    });
    Defect::new(
        "state is made where the layer is applied: a server that applies it once a connection shares nothing (tower-resilience: \
         unless it is built with its handle)",
        ours,
        [
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}
