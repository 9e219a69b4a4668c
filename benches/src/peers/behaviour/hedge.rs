//! How often a hedge calls.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use layered::{Execute, Service as _};
use maestro_retry::{Hedge, RetryLayer, RetryPolicy};
use seatbelt::{RecoveryInfo, ResilienceContext, hedging::Hedging};
use tick::ClockControl;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_hedge::HedgeLayer;

use super::{Defect, once, paused};
use crate::{Trouble, peers::Peer};

pub(super) fn defects() -> Vec<Defect> {
    vec![hedges()]
}

const CALLS: u32 = 100;

/// The calls that a backend gets for 100 requests when each takes longer than the hedge's delay.
fn hedges() -> Defect {
    let calls = Arc::new(AtomicU32::new(0));
    let delay = Duration::from_millis(10);
    let slow = {
        let calls = Arc::clone(&calls);
        move |()| {
            calls.fetch_add(1, Relaxed);
            async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, Trouble>(())
            }
        }
    };
    let doubles = || calls.swap(0, Relaxed) >= 2 * CALLS;
    let (ours, seatbelt, resilience) = paused(async {
        let policy = RetryPolicy::builder()
            .build()
            .expect("the defaults are legal");
        let hedge = Hedge::after(delay).build().expect("10 ms are legal");
        let mut service = RetryLayer::new(policy)
            .hedge(Arc::new(hedge))
            .layer(service_fn(slow.clone()));
        for _ in 0..CALLS {
            service.ready().await.expect("ready").call(()).await.ok();
        }
        let ours = doubles();

        let control = ClockControl::new();
        let layer = Hedging::layer("hedge", &ResilienceContext::new(control.to_clock()))
            .clone_input()
            .recovery_with(|_: &Result<(), Trouble>, _| RecoveryInfo::never())
            .max_hedged_attempts(1)
            .hedging_delay(delay);
        let service = layer.layer(Execute::new(slow.clone()));
        for _ in 0..CALLS {
            let mut call = pin!(service.execute(()));
            assert!(once(call.as_mut()).is_pending());
            control.advance(2 * delay);
            assert!(once(call.as_mut()).is_pending());
        }
        let seatbelt = doubles();

        let mut service = HedgeLayer::new(delay).layer(service_fn(slow.clone()));
        for _ in 0..CALLS {
            service.ready().await.expect("ready").call(()).await.ok();
        }
        (ours, seatbelt, doubles())
    });
    Defect::new(
        "nothing bounds the hedges: a backend that is slow for everyone gets every request twice",
        ours,
        [
            (Peer::Seatbelt, seatbelt),
            (Peer::TowerResilience, resilience),
        ],
    )
    .untried(&[Peer::Tower])
}
