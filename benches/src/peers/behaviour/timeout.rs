use std::{
    future::pending,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use layered::{Execute, Service as _};
use maestro_timeout::TimeoutLayer;
use seatbelt::{ResilienceContext, timeout::Timeout};
use tick::ClockControl;
use tokio::time::advance;
use tower::{Layer, Service, ServiceExt, service_fn, timeout::TimeoutLayer as TowerLayer};
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::{Defect, panics, paused};
use crate::{Trouble, peers::Peer};

pub(super) fn defects() -> Vec<Defect> {
    vec![first_poll(), panic_is_a_timeout()]
}

const LIMIT: Duration = Duration::from_secs(1);

/// A future that is polled for the first time after its limit is over.
fn first_poll() -> Defect {
    let (ours, tower, seatbelt, resilience) = paused(async {
        let mut service = TimeoutLayer::new(LIMIT).layer(service_fn(hangs));
        let call = service.ready().await.expect("ready").call(());
        advance(2 * LIMIT).await;
        let ours = waits(call);

        let mut service = TowerLayer::new(LIMIT).layer(service_fn(hangs));
        let call = service.ready().await.expect("ready").call(());
        advance(2 * LIMIT).await;
        let tower = waits(call);

        let control = ClockControl::new();
        let layer = Timeout::layer("timeout", &ResilienceContext::new(control.to_clock()))
            .timeout_error(|_| Trouble::Failed)
            .timeout(LIMIT);
        let service = layer.layer(Execute::new(hangs));
        let call = service.execute(());
        control.advance(2 * LIMIT);
        let seatbelt = waits(call);

        let layer = TimeLimiterLayer::builder().timeout_duration(LIMIT).build();
        let mut service = layer.layer(service_fn(hangs));
        let call = service.ready().await.expect("ready").call(());
        advance(2 * LIMIT).await;
        (ours, tower, seatbelt, waits(call))
    });
    Defect::new(
        "the clock of a timeout starts at the first poll, not at the call",
        ours,
        [
            (Peer::Tower, tower),
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}

async fn hangs((): ()) -> Result<(), Trouble> {
    pending().await
}

fn waits<F: Future>(call: F) -> bool {
    pin!(call)
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

/// Only tower-resilience can leave a call running after its limit.
fn panic_is_a_timeout() -> Defect {
    let mut resilience = false;
    let program = async {
        let layer = TimeLimiterLayer::builder()
            .timeout_duration(LIMIT)
            .cancel_running_future(false)
            .build();
        let service = layer.layer(service_fn(async |()| -> Result<(), Trouble> {
            panic!("the backend's client has a defect")
        }));
        let result = service.oneshot(()).await;
        resilience = result.is_err_and(|error| error.is_timeout());
    };
    panics(|| paused(program));
    Defect::new(
        "a call that may run on after its limit turns a panic into a timeout",
        None,
        [(Peer::TowerResilience, resilience)],
    )
}
