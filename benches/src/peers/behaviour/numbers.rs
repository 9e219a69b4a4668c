//! What a breaker makes of its numbers.

use std::time::Duration;

use maestro_circuit_breaker::{CircuitBreaker, Probes, State, Window};
use recloser::Recloser;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerLayer as ResilienceLayer, CircuitState};

use super::{
    Defect,
    breakers::{Anything, Breaker, HOUR, Work, all_waiting, done, failed, now},
    panics, paused, wait_for_the_clock,
};
use crate::peers::Peer;

pub(super) fn defects() -> Vec<Defect> {
    vec![
        accumulating(),
        longest_wait(),
        all_must_fail(),
        no_probes(),
        minimum(),
    ]
}

fn accumulating() -> Defect {
    let ours = {
        let breaker = CircuitBreaker::builder()
            .failure_ratio(0.5)
            .window(Window::calls(100));
        let breaker = breaker.build("ours").expect("the numbers are legal");
        (0..10_000).for_each(|_| breaker.try_acquire().expect("nothing failed").success());
        failures(|| {
            breaker.try_acquire().is_ok_and(|call| {
                call.failure();
                true
            })
        })
    };
    let recloser = {
        let recloser = Recloser::custom()
            .closed_len(100)
            .error_rate(0.5)
            .open_wait(HOUR)
            .build();
        (0..10_000).for_each(|_| recloser.call(|| Ok::<(), ()>(())).expect("nothing failed"));
        failures(|| {
            !matches!(
                recloser.call(|| Err::<(), ()>(())),
                Err(recloser::Error::Rejected)
            )
        })
    };
    let resilience = paused(async {
        let layer = ResilienceLayer::builder()
            .failure_rate_threshold(0.5)
            .sliding_window_size(100);
        let (layer, handle) = layer.build_with_handle().expect("the numbers are legal");
        let mut service = layer.layer(service_fn(|work: Work| work));
        for _ in 0..10_000 {
            service
                .ready()
                .await
                .expect("closed")
                .call(done())
                .await
                .expect("nothing failed");
        }
        let mut failures = 0;
        while !handle.is_open() && failures < 20_000 {
            service
                .ready()
                .await
                .expect("closed")
                .call(failed())
                .await
                .ok();
            failures += 1;
        }
        failures
    });
    Defect::new(
        "a window of 100 calls that only accumulates: after 10,000 successes it takes more than 100 failures to open",
        ours > 100,
        [
            (Peer::Recloser, recloser > 100),
            (Peer::TowerResilience, resilience > 100),
        ],
    )
}

/// The number of failures until a call is not admitted, at most 20,000.
fn failures(mut fails: impl FnMut() -> bool) -> u32 {
    (0..20_000).find(|_| !fails()).unwrap_or(20_000)
}

fn longest_wait() -> Defect {
    let trips = |breaker: &dyn Breaker| panics(|| breaker.trip());
    paused(async {
        let (ours, peers) = all_waiting(Duration::MAX);
        let peers: Vec<_> = peers
            .iter()
            .map(|(peer, breaker)| (*peer, trips(breaker.as_ref())))
            .collect();
        Defect::new(
            "the longest wait, `Duration::MAX`, panics in the call that opens the circuit",
            trips(ours.as_ref()),
            peers,
        )
    })
}

fn all_must_fail() -> Defect {
    let ours = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .build("ours")
        .is_err();
    let recloser = panics(|| drop(Recloser::custom().error_rate(1.0).build()));
    let resilience = ResilienceLayer::builder()
        .failure_rate_threshold(1.0)
        .build()
        .is_err();
    let seatbelt = panics(|| {
        let context = seatbelt::ResilienceContext::new(tick::Clock::new_frozen());
        let layer = seatbelt::breaker::Breaker::layer("breaker", &context)
            .recovery_with(|_: &Result<(), ()>, _| seatbelt::RecoveryInfo::never())
            .rejected_input_error(|(), _| ())
            .failure_threshold(1.0);
        drop(layer.layer(layered::Execute::new(async |()| Ok::<_, ()>(()))));
    });
    Defect::new(
        "a threshold of 100 % panics where the layer is applied, or is refused",
        ours,
        [
            (Peer::Recloser, recloser),
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}

fn no_probes() -> Defect {
    let ours = CircuitBreaker::builder()
        .probes(Probes::results(0))
        .build("ours")
        .is_ok();
    let recloser = panics(|| {
        let recloser = Recloser::custom().closed_len(1).half_open_len(0);
        let recloser = recloser.open_wait(Duration::ZERO).build();
        for _ in 0..2 {
            recloser.call(|| Err::<(), ()>(())).ok();
        }
        wait_for_the_clock();
        recloser.call(|| Ok::<(), ()>(())).ok();
    });
    let layer = ResilienceLayer::builder()
        .permitted_calls_in_half_open(0)
        .wait_duration_in_open(Duration::ZERO)
        .build_with_handle();
    let resilience = layer.is_ok_and(|(layer, handle)| {
        paused(async {
            handle.force_open().await;
            let mut service = layer.layer(service_fn(|work: Work| work));
            for _ in 0..100 {
                let mut call: Anything<'_, _> =
                    Box::pin(async { service.ready().await?.call(done()).await });
                let _ = now(&mut call);
            }
            handle.state() != CircuitState::Closed
        })
    });
    Defect::new(
        "no probes at all are accepted by the builder: the circuit never closes, or its first probe panics",
        ours,
        [
            (Peer::Recloser, recloser),
            (Peer::TowerResilience, resilience),
        ],
    )
}

fn minimum() -> Defect {
    let ours = {
        let breaker = CircuitBreaker::builder()
            .failure_ratio(0.5)
            .minimum_calls(10);
        let breaker = breaker
            .window(Window::calls(100))
            .build("ours")
            .expect("it is legal");
        for _ in 0..10 {
            breaker.try_acquire().expect("closed").failure();
        }
        breaker.state() != State::Open
    };
    let resilience = paused(async {
        let layer = ResilienceLayer::builder()
            .sliding_window_size(100)
            .minimum_number_of_calls(10);
        let (layer, handle) = layer.build_with_handle().expect("the numbers are legal");
        let mut service = layer.layer(service_fn(|work: Work| work));
        for _ in 0..10 {
            service
                .ready()
                .await
                .expect("closed")
                .call(failed())
                .await
                .ok();
        }
        !handle.is_open()
    });
    Defect::new(
        "a minimum of 10 calls is ignored until a window of 100 calls is full",
        ours,
        [(Peer::TowerResilience, resilience)],
    )
}
