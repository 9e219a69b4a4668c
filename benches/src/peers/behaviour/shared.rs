//! What the services, the listeners and the connections of a breaker share.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering::Relaxed},
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
        let layer = CircuitBreakerLayer::new(breaker.clone());
        let mut service = layer.layer(service_fn(|work: Work| work));
        breaker.force_open(Override::new("test", "an outage"));
        service
            .ready()
            .await
            .map(drop)
            .expect("it rejects the call");
        breaker.resume(Override::new("test", "it is over"));
        let ours = !succeeds(&mut service, done()).await;

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
            .expect("it rejects the call");
        handle.force_closed().await;
        let resilience = !succeeds(&mut service, done()).await;
        let mut fresh = layer.layer(service_fn(|work: Work| work));
        assert!(succeeds(&mut fresh, done()).await, "the circuit is closed");
        (ours, resilience)
    });
    Defect::new(
        "a service that was ready while the circuit was open rejects a call after it has closed, although it is asked again",
        ours,
        [(Peer::TowerResilience, resilience)],
    )
}

/// What a listener that asks its circuit saw.
#[derive(Default)]
struct Heard {
    transitions: AtomicU32,
    answers: AtomicU32,
}

impl Heard {
    fn note(&self, is_answered: bool) {
        self.transitions.fetch_add(1, Relaxed);
        self.answers.fetch_add(is_answered.into(), Relaxed);
    }

    /// Whether the circuit did not answer the listener, which was called once.
    fn nothing(&self) -> bool {
        let transitions = self.transitions.load(Relaxed);
        assert_eq!(
            transitions, 1,
            "the circuit opens, and the listener hears it"
        );
        self.answers.load(Relaxed) == 0
    }
}

fn under_a_lock() -> Defect {
    let ours = paused(async {
        let heard = Arc::new(Heard::default());
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .build("ours");
        let breaker = breaker.expect("one is legal");
        let (inside, told) = (breaker.clone(), Arc::clone(&heard));
        let _listener = breaker.on_transition(move |_| told.note(inside.state() == State::Open));
        breaker.try_acquire().expect("closed").failure();
        heard.nothing()
    });
    let resilience = paused(async {
        let heard = Arc::new(Heard::default());
        let slot: Arc<OnceLock<CircuitBreakerHandle>> = Arc::default();
        let (inside, told) = (Arc::clone(&slot), Arc::clone(&heard));
        let layer = ResilienceLayer::builder()
            .consecutive_failures(1)
            .on_state_transition(move |_, _| {
                let handle = inside.get().expect("it is set before the first call");
                // The lock is free if the metrics can be read at once.
                let mut metrics: Anything<'_, _> = Box::pin(handle.metrics());
                told.note(now(&mut metrics).is_ready());
            });
        let (layer, handle) = layer.build_with_handle().expect("one is legal");
        let mut metrics: Anything<'_, _> = Box::pin(handle.metrics());
        assert!(now(&mut metrics).is_ready(), "nobody has the lock");
        drop(metrics);
        slot.set(handle).ok();
        let mut service = layer.layer(service_fn(|work: Work| work));
        succeeds(&mut service, failed()).await;
        heard.nothing()
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
        let make = || layer.layer(service_fn(|work: Work| work));
        let ours = only_one_opens(make(), make()).await;

        let layer = ResilienceLayer::builder().consecutive_failures(1).build();
        let layer = layer.expect("one is legal");
        let make = || layer.layer(service_fn(|work: Work| work));
        let resilience = only_one_opens(make(), make()).await;

        let context = seatbelt::ResilienceContext::new(tick::Clock::new_frozen());
        let layer = seatbelt::breaker::Breaker::layer("breaker", &context)
            .recovery_with(|_: &Result<(), ()>, _| seatbelt::RecoveryInfo::retry())
            .rejected_input_error(|_: Result<(), ()>, _| ())
            .min_throughput(1);
        let make = || layer.layer(layered::Execute::new(async |result: Result<(), ()>| result));
        let (a, b) = (make(), make());
        layered::Service::execute(&a, Err(())).await.ok();
        let rejected = layered::Service::execute(&a, Ok(())).await;
        rejected.expect_err("a failure opens it");
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

/// Whether a failure of `a`, which opens its circuit, leaves that of `b` closed.
async fn only_one_opens<S: Service<Work>>(mut a: S, mut b: S) -> bool {
    succeeds(&mut a, failed()).await;
    assert!(!succeeds(&mut a, done()).await, "a failure opens it");
    succeeds(&mut b, done()).await
}

async fn succeeds<S: Service<Work>>(service: &mut S, work: Work) -> bool {
    match service.ready().await {
        Ok(service) => service.call(work).await.is_ok(),
        Err(_) => false,
    }
}
