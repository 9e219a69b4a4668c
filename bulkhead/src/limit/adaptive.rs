use std::{fmt, mem, time::Duration};

use tokio::time::Instant;

use super::{
    Limit, Limited, Regulate, Window,
    samples::{Samples, Sums},
};
use crate::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    types::{InvalidConfig, Outcome},
};

/// Keeps an adaptive limit: the samples of the current window, and the law that the limit follows. Opaque.
pub struct Adaptive<L> {
    epoch: Instant,
    window_micros: AtomicU64,
    samples: Samples,
    /// Locked once a window, by the call that closes it.
    law: Mutex<L>,
}

impl<L: Limit> Adaptive<L> {
    pub(crate) fn new(law: L, window: Duration) -> Self {
        let window = micros(window);
        Self {
            epoch: Instant::now(),
            window_micros: AtomicU64::new(window),
            samples: Samples::new(window),
            law: Mutex::new(law),
        }
    }

    /// Replaces the law, and with it what the former one has learnt.
    pub(crate) fn follow(&self, law: L) -> Result<(), InvalidConfig> {
        law.check()?;
        let former = mem::replace(&mut *self.law.lock(), law);
        drop(former); // foreign code: outside the lock
        Ok(())
    }

    /// When a window that begins now ends: after at least two mean latencies, so that the calls admitted under a new limit
    /// have come back before it is judged.
    fn next_end(&self, now: u64, mean: u64) -> u64 {
        // Relaxed: a number that orders nothing.
        let window = self.window_micros.load(Relaxed);
        now.saturating_add(window.max(mean.saturating_mul(2)))
    }
}

impl<L: Limit> Regulate for Adaptive<L> {
    type Start = Instant;

    fn start(&self) -> Instant {
        Instant::now()
    }

    fn reconfigured(&self, window: Duration) {
        self.window_micros.store(micros(window), Relaxed);
    }

    fn finished(&self, start: Instant, outcome: Outcome, of: &impl Limited) {
        // The call itself is still one of those in flight.
        let in_flight = of.in_flight();
        let now = Instant::now();
        match outcome {
            Outcome::Success => {
                let latency = now.saturating_duration_since(start);
                self.samples.success(micros(latency), in_flight);
            }
            Outcome::Overload => self.samples.overload(in_flight),
            // Refused, failed and dropped calls cannot move a baseline.
            Outcome::Ignored => return,
        }
        let now = micros(now.saturating_duration_since(self.epoch));
        if self.samples.closes(now, |mean| self.next_end(now, mean)) {
            let sums = self.samples.take();
            let mut law = self.law.lock();
            let was = of.limit();
            let next = law.next(&window(was, sums)).max(1);
            // Under the lock of the law: of two windows the later one decides. A limit that was set by hand meanwhile stays.
            let changed = next != was && of.replace_limit(was, next);
            drop(law);
            if changed {
                of.resized(next);
            }
        }
    }
}

fn window(limit: usize, sums: Sums) -> Window {
    let mean = sums.micros.checked_div(sums.successes).unwrap_or(0);
    Window::new(
        limit,
        sums.most_in_flight,
        sums.successes,
        sums.overloads,
        Duration::from_micros(mean.max(1)),
    )
}

/// In whole microseconds. `u64::MAX`, half a million years, stands for more.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl<L> fmt::Debug for Adaptive<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adaptive").finish_non_exhaustive()
    }
}
