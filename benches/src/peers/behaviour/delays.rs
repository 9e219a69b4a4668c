//! How long a retry waits.

use std::{cell::Cell, collections::HashSet, rc::Rc, sync::mpsc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use layered::{Execute, Service as _};
use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
use seatbelt::{RecoveryInfo, ResilienceContext, retry::Retry as Seatbelt};
use tick::ClockControl;
use tokio::time::Instant;
use tower::{
    Layer, ServiceExt,
    retry::backoff::{Backoff as _, ExponentialBackoffMaker, MakeBackoff},
    service_fn,
    util::rng::HasherRng,
};
use tower_resilience_retry::{ExponentialRandomBackoff, IntervalFunction};

use super::{Defect, paused};
use crate::{Trouble, peers::Peer};

pub(super) fn defects() -> Vec<Defect> {
    vec![above_the_cap(), lockstep(), same_delays()]
}

const CAP: Duration = Duration::from_secs(10);

/// The delays of attempts at the cap, of many calls with jitter: ours, then the peers'.
fn at_the_cap() -> (Vec<Duration>, Vec<(Peer, Vec<Duration>)>) {
    let second = Duration::from_secs(1);
    let ours = Backoff::exponential(second, CAP);
    let ours = (0..50).map(|_| paused(delay_of(ours))).collect();
    let tower = paused(async {
        let maker = ExponentialBackoffMaker::new(second, CAP, 1.0, HasherRng::new());
        let mut backoff = maker.expect("it is legal").make_backoff();
        let delays = (0..50).map(|_| backoff.next_backoff().deadline() - Instant::now());
        delays.skip(10).collect()
    });
    let backon = ExponentialBuilder::new()
        .with_max_delay(CAP)
        .with_jitter_seed(1)
        .with_jitter()
        .without_max_times()
        .build();
    let resilience = ExponentialRandomBackoff::new(second, 0.5)
        .expect("a half is legal")
        .max_interval(CAP);
    let peers = vec![
        (Peer::Tower, tower),
        (Peer::Backon, backon.skip(10).take(40).collect()),
        (Peer::Seatbelt, belted_delays()),
        (
            Peer::TowerResilience,
            (10..50)
                .map(|attempt| resilience.next_interval(attempt))
                .collect(),
        ),
    ];
    (ours, peers)
}

/// The delay before the tenth attempt of one call.
async fn delay_of(backoff: Backoff) -> Duration {
    let policy = RetryPolicy::builder().attempts(10).backoff(backoff).build();
    let starts: Rc<Cell<[Option<Instant>; 2]>> = Rc::default();
    let attempt = {
        let starts = Rc::clone(&starts);
        move |()| {
            let [_, last] = starts.get();
            starts.set([last, Some(Instant::now())]);
            std::future::ready(Err::<(), _>(Trouble::Failed))
        }
    };
    let policy = policy.expect("ten attempts are legal").unlimited();
    let service = RetryLayer::new(policy).layer(service_fn(attempt));
    service.oneshot(()).await.ok();
    match starts.get() {
        [Some(before), Some(last)] => last - before,
        _ => unreachable!("there were ten attempts"),
    }
}

/// The delays of one call with 50 retries, from the eleventh on.
fn belted_delays() -> Vec<Duration> {
    let (tell, told) = mpsc::channel();
    let clock = ClockControl::new().auto_advance_timers(true).to_clock();
    let layer = Seatbelt::layer("retry", &ResilienceContext::new(&clock))
        .clone_input()
        .recovery_with(|_: &Result<(), ()>, _| RecoveryInfo::retry())
        .base_delay(Duration::from_secs(1))
        .max_delay(CAP)
        .max_retry_attempts(50)
        .on_retry(move |_, args| tell.send(args.retry_delay()).unwrap_or_default());
    let service = layer.layer(Execute::new(async |()| Err::<(), _>(())));
    paused(service.execute(())).ok();
    told.try_iter().skip(10).collect()
}

fn above_the_cap() -> Defect {
    let (ours, peers) = at_the_cap();
    let above = |delays: &[Duration]| delays.iter().any(|delay| *delay > CAP + MILLISECOND);
    let peers: Vec<_> = peers
        .iter()
        .map(|(peer, delays)| (*peer, above(delays)))
        .collect();
    Defect::new(
        "jitter is added after the cap: 15 s with a cap of 10 s",
        above(&ours),
        peers,
    )
}

/// What the tick of tokio's timer adds.
const MILLISECOND: Duration = Duration::from_millis(1);

fn lockstep() -> Defect {
    let (ours, peers) = at_the_cap();
    let same = |delays: &[Duration]| delays.iter().collect::<HashSet<_>>().len() == 1;
    let peers: Vec<_> = peers
        .iter()
        .map(|(peer, delays)| (*peer, same(delays)))
        .collect();
    Defect::new(
        "at the cap all delays are equal although there is jitter: the clients of an outage come back together",
        same(&ours),
        peers,
    )
}

fn same_delays() -> Defect {
    let second = Duration::from_secs(1);
    let same = |delay: &mut dyn FnMut() -> Duration| {
        let delays: HashSet<_> = (0..8).map(|_| delay()).collect();
        delays.len() == 1
    };
    let ours = same(&mut || paused(delay_of(Backoff::exponential(second, CAP))));
    let tower = paused(async {
        let maker = ExponentialBackoffMaker::new(second, CAP, 1.0, HasherRng::new());
        let mut maker = maker.expect("it is legal");
        same(&mut || maker.make_backoff().next_backoff().deadline() - Instant::now())
    });
    let backon = ExponentialBuilder::default();
    let backon = same(&mut || backon.build().next().expect("it is retried"));
    let resilience = tower_resilience_retry::ExponentialBackoff::new(second);
    Defect::new(
        "all requests wait equally long, by default or because a generator is cloned",
        ours,
        [
            (Peer::Tower, tower),
            (Peer::Backon, backon),
            (Peer::Seatbelt, same(&mut belted_first)),
            (
                Peer::TowerResilience,
                same(&mut || resilience.next_interval(3)),
            ),
        ],
    )
}

/// The first delay of a call with seatbelt's defaults.
fn belted_first() -> Duration {
    let (tell, told) = mpsc::channel();
    let clock = ClockControl::new().auto_advance_timers(true).to_clock();
    let layer = Seatbelt::layer("retry", &ResilienceContext::new(&clock))
        .clone_input()
        .recovery_with(|_: &Result<(), ()>, _| RecoveryInfo::retry())
        .on_retry(move |_, args| tell.send(args.retry_delay()).unwrap_or_default());
    let service = layer.layer(Execute::new(async |()| Err::<(), _>(())));
    paused(service.execute(())).ok();
    told.try_recv().expect("it is retried")
}
