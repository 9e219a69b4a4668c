//! The simulated backend.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::stack::{Answer, CallError, Stack};

/// The time of a usual attempt.
const USUAL: Duration = Duration::from_millis(20);
/// The time of an attempt of a backend that is slow.
const LONG: Duration = Duration::from_millis(500);
/// The fault of a backend that recovers.
const FAULT: std::ops::Range<u64> = 10..15;

/// How a backend answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    Works,
    Hangs,
    Fails,
    /// A third of the attempts fail.
    FailsPartly,
    /// A third of the attempts hang.
    HangsPartly,
    /// A tenth of the attempts take half a second.
    SometimesSlow,
    /// All attempts fail for five seconds.
    Recovers,
}

/// The state of a backend. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Backend(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    behaviour: Behaviour,
    start: Instant,
    attempts: AtomicU64,
    running: AtomicU64,
    most: AtomicU64,
}

/// An attempt that runs, until it is dropped.
struct Running(Backend);

// === impl Backend ===

impl Backend {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self(Arc::new(Inner {
            behaviour,
            start: Instant::now(),
            attempts: AtomicU64::new(0),
            running: AtomicU64::new(0),
            most: AtomicU64::new(0),
        }))
    }

    /// How many attempts have reached it.
    pub(crate) fn attempts(&self) -> u64 {
        self.0.attempts.load(Relaxed)
    }

    pub(crate) fn running(&self) -> u64 {
        self.0.running.load(Relaxed)
    }

    /// The most attempts that ran at once.
    pub(crate) fn most(&self) -> u64 {
        self.0.most.load(Relaxed)
    }

    pub(crate) fn client(&self) -> Stack {
        let backend = self.clone();
        BoxCloneSyncService::new(service_fn(move |_: u32| {
            let number = backend.0.attempts.fetch_add(1, Relaxed);
            let running = Running::new(&backend);
            async move { running.0.answer(number).await }
        }))
    }

    async fn answer(&self, number: u64) -> Result<Answer, CallError> {
        let fails = match self.0.behaviour {
            Behaviour::Hangs => pending().await,
            Behaviour::HangsPartly if one_in(3, number) => pending().await,
            Behaviour::Works | Behaviour::SometimesSlow | Behaviour::HangsPartly => false,
            Behaviour::Fails => true,
            Behaviour::FailsPartly => one_in(3, number),
            Behaviour::Recovers => FAULT.contains(&self.0.start.elapsed().as_secs()),
        };
        let is_slow = matches!(self.0.behaviour, Behaviour::SometimesSlow);
        sleep(if is_slow && one_in(10, number) {
            LONG
        } else {
            USUAL
        })
        .await;
        if fails {
            Err(CallError::Failed)
        } else {
            Ok(Answer::Fresh)
        }
    }
}

/// Chooses one in `n` attempts by their numbers, without a pattern and the same in each run.
fn one_in(n: u64, number: u64) -> bool {
    // The finaliser of SplitMix64.
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).is_multiple_of(n)
}

// === impl Running ===

impl Running {
    fn new(backend: &Backend) -> Self {
        let now = backend.0.running.fetch_add(1, Relaxed) + 1;
        backend.0.most.fetch_max(now, Relaxed);
        Self(backend.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Relaxed);
    }
}
