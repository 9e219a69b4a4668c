use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Bulkhead, Core, Limit, Outcome, Regulate, Window,
    samples::{Samples, Sums},
    sync::Mutex,
};

/// A bulkhead whose limit follows `L`. Made by [`Builder::build_adaptive`](crate::Builder::build_adaptive).
pub type AdaptiveBulkhead<L> = Bulkhead<Arc<Core<Adaptive<L>>>>;

/// What keeps an adaptive limit: what was seen in this window, and the law it follows. Opaque.
pub struct Adaptive<L> {
    epoch: Instant,
    window_micros: u64,
    samples: Samples,
    /// Locked once a window, by the call that closes it.
    law: Mutex<L>,
}

impl<L: Limit> Adaptive<L> {
    pub(crate) fn new(law: L, window: Duration) -> Self {
        let window_micros = micros(window);
        Self {
            epoch: Instant::now(),
            window_micros,
            samples: Samples::new(window_micros),
            law: Mutex::new(law),
        }
    }

    /// When a window that begins now ends: after two mean latencies at least, so that the calls admitted under a
    /// new limit have come back before it is judged.
    fn next_end(&self, now: u64, mean: u64) -> u64 {
        now.saturating_add(self.window_micros.max(mean.saturating_mul(2)))
    }
}

impl<L: Limit> Regulate for Adaptive<L> {
    type Start = Instant;

    fn start(&self) -> Instant {
        Instant::now()
    }

    fn finished(core: &Core<Self>, start: Instant, outcome: Outcome) {
        let this = &core.regulator;
        // The call itself is still among those in flight.
        let in_flight = core.seen().held();
        let now = Instant::now();
        match outcome {
            Outcome::Success => {
                let latency = now.saturating_duration_since(start);
                this.samples.success(micros(latency), in_flight);
            }
            Outcome::Overload => {
                core.overloaded();
                this.samples.overload(in_flight);
            }
            Outcome::Ignored => return,
        }
        let now = micros(now.saturating_duration_since(this.epoch));
        if this.samples.closes(now, |mean| this.next_end(now, mean)) {
            let sums = this.samples.take();
            let mut law = this.law.lock();
            let was = core.seen().limit();
            let next = law.next(&window(was, sums)).max(1);
            // Under the lock: of two windows the later one has the last word.
            if next != was {
                core.resize(next);
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

/// In whole microseconds; `u64::MAX`, half a million years, stands for more.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl<L> fmt::Debug for Adaptive<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adaptive").finish_non_exhaustive()
    }
}
