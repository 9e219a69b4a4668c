//! How often a retry calls, and how.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use layered::{Execute, Service as _};
use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
use seatbelt::{RecoveryInfo, ResilienceContext, retry::Retry as Seatbelt};
use tick::{Clock, ClockControl};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer, service_fn};
use tower_resilience_retry::RetryLayer as ResilienceLayer;

use super::{Defect, once, panics, paused};
use crate::{Trouble, peers::Peer};

pub(super) fn defects() -> Vec<Defect> {
    vec![storm(), zero_delay(), not_ready(), copies()]
}

const CALLS: u32 = 100;

/// The attempts of 100 calls that all fail, with the defaults.
fn storm() -> Defect {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = {
        let attempts = Arc::clone(&attempts);
        move |()| {
            attempts.fetch_add(1, Relaxed);
            std::future::ready(Err::<(), _>(Trouble::Failed))
        }
    };
    let multiplies = || attempts.swap(0, Relaxed) >= 2 * CALLS;
    let (ours, backon, seatbelt, resilience) = paused(async {
        let policy = RetryPolicy::builder()
            .build()
            .expect("the defaults are legal");
        let mut service = RetryLayer::new(policy).layer(service_fn(counted.clone()));
        for _ in 0..CALLS {
            service.ready().await.expect("ready").call(()).await.ok();
        }
        let ours = multiplies();

        for _ in 0..CALLS {
            (|| counted(()))
                .retry(ExponentialBuilder::default())
                .await
                .ok();
        }
        let backon = multiplies();

        let clock = ClockControl::new().auto_advance_timers(true).to_clock();
        let layer = Seatbelt::layer("retry", &ResilienceContext::new(&clock))
            .clone_input()
            .recovery_with(|_: &Result<(), Trouble>, _| RecoveryInfo::retry());
        let service = layer.layer(Execute::new(counted.clone()));
        for _ in 0..CALLS {
            service.execute(()).await.ok();
        }
        let seatbelt = multiplies();

        let layer = ResilienceLayer::<(), (), Trouble>::exponential_backoff().build();
        let mut service = layer.layer(service_fn(counted.clone()));
        for _ in 0..CALLS {
            service.ready().await.expect("ready").call(()).await.ok();
        }
        (ours, backon, seatbelt, multiplies())
    });
    Defect::new(
        "no budget by default: in an outage 100 calls make 200 attempts or more",
        ours,
        [
            (Peer::Backon, backon),
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}

fn zero_delay() -> Defect {
    let waits = |call: &mut dyn FnMut() -> Poll<()>| call().is_pending();
    let (ours, backon, seatbelt, resilience) = paused(async {
        // A clock is hardly ever on the tick of a timer.
        tokio::time::advance(Duration::from_micros(100)).await;
        let policy = RetryPolicy::builder().backoff(Backoff::none()).build();
        let mut service = RetryLayer::new(policy.expect("it is legal")).layer(service_fn(fails));
        let ours = {
            let mut call = pin!(service.ready().await.expect("ready").call(()));
            waits(&mut || once(call.as_mut()))
        };
        let zero = backon::ConstantBuilder::new().with_delay(Duration::ZERO);
        let backon = {
            let mut call = pin!((|| fails(())).retry(zero));
            waits(&mut || once(call.as_mut()))
        };
        let layer = Seatbelt::layer("retry", &ResilienceContext::new(Clock::new_frozen()))
            .clone_input()
            .recovery_with(|_: &Result<(), Trouble>, _| RecoveryInfo::retry())
            .base_delay(Duration::ZERO);
        let service = layer.layer(Execute::new(fails));
        let seatbelt = {
            let mut call = pin!(service.execute(()));
            waits(&mut || once(call.as_mut()))
        };
        let layer = ResilienceLayer::<(), (), Trouble>::builder().fixed_backoff(Duration::ZERO);
        let mut service = layer.build().layer(service_fn(fails));
        let mut call = pin!(service.ready().await.expect("ready").call(()));
        (ours, backon, seatbelt, waits(&mut || once(call.as_mut())))
    });
    Defect::new(
        "a delay of zero waits for the tick of a timer",
        ours,
        [
            (Peer::Backon, backon),
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}

fn fails((): ()) -> std::future::Ready<Result<(), Trouble>> {
    std::future::ready(Err(Trouble::Failed))
}

/// tower's limit panics if it is called without having been ready.
fn not_ready() -> Defect {
    let limited = || ConcurrencyLimitLayer::new(1).layer(service_fn(fails));
    let ours = panics(|| {
        let policy = RetryPolicy::builder().backoff(Backoff::none()).build();
        let service = RetryLayer::new(policy.expect("it is legal")).layer(limited());
        paused(service.oneshot(())).ok();
    });
    let tower = panics(|| {
        let policy = super::super::retry::Attempts::THREE;
        let limited = ConcurrencyLimitLayer::new(1);
        let service = tower::retry::RetryLayer::new(policy)
            .layer(limited.layer(service_fn(async |_: u64| Err::<u64, _>(Trouble::Failed))));
        paused(service.oneshot(1)).ok();
    });
    let seatbelt = panics(|| {
        let layer = Seatbelt::layer("retry", &ResilienceContext::new(Clock::new_frozen()))
            .clone_input()
            .recovery_with(|_: &Result<(), Trouble>, _| RecoveryInfo::retry())
            .base_delay(Duration::ZERO);
        paused(layer.layer(limited()).oneshot(())).ok();
    });
    let resilience = panics(|| {
        let layer = ResilienceLayer::<(), (), Trouble>::builder().fixed_backoff(Duration::ZERO);
        paused(layer.build().layer(limited()).oneshot(())).ok();
    });
    Defect::new(
        "an attempt calls a service that was not made ready (seatbelt: as a tower service)",
        ours,
        [
            (Peer::Tower, tower),
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}

/// A request that counts its copies.
struct Counted(Arc<AtomicU32>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Relaxed);
        Self(Arc::clone(&self.0))
    }
}

fn copies() -> Defect {
    let copies = Arc::new(AtomicU32::new(0));
    let request = || Counted(Arc::clone(&copies));
    let too_many = || copies.swap(0, Relaxed) > 2;
    let failing = async |_: Counted| Err::<(), _>(Trouble::Failed);
    let (ours, seatbelt, resilience) = paused(async {
        let policy = RetryPolicy::builder()
            .attempts(3)
            .backoff(Backoff::none())
            .build();
        let policy = policy.expect("it is legal").unlimited();
        let service = RetryLayer::new(policy).layer(service_fn(failing));
        service.oneshot(request()).await.ok();
        let ours = too_many();

        let layer = Seatbelt::layer("retry", &ResilienceContext::new(Clock::new_frozen()))
            .clone_input()
            .recovery_with(|_: &Result<(), Trouble>, _| RecoveryInfo::retry())
            .max_retry_attempts(2)
            .base_delay(Duration::ZERO);
        layer
            .layer(Execute::new(failing))
            .execute(request())
            .await
            .ok();
        let seatbelt = too_many();

        let layer = ResilienceLayer::<Counted, (), Trouble>::builder();
        let layer = layer.max_attempts(3).fixed_backoff(Duration::ZERO).build();
        layer
            .layer(service_fn(failing))
            .oneshot(request())
            .await
            .ok();
        (ours, seatbelt, too_many())
    });
    Defect::new(
        "the request of the last attempt is copied, although no attempt can follow",
        ours,
        [
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
}
