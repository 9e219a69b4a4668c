use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Builder, Bulkhead, Core, InvalidConfig, Limit, Outcome, Regulate, Window,
    limit::samples::{Samples, Sums},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// A bulkhead whose limit follows `L`. Made by [`Builder::build_adaptive`](crate::Builder::build_adaptive).
pub type AdaptiveBulkhead<L> = Bulkhead<Arc<Core<Adaptive<L>>>>;

/// What keeps an adaptive limit: what was seen in this window, and the law it follows. Opaque.
pub struct Adaptive<L> {
    epoch: Instant,
    window_micros: AtomicU64,
    samples: Samples,
    /// Locked once a window, by the call that closes it.
    law: Mutex<L>,
}

impl<L: Limit> AdaptiveBulkhead<L> {
    /// Follows `law` from the next window on, from the limit that there is. What the former law had learnt goes with it.
    ///
    /// For a law with other numbers; and for the same law anew, where what it took for a slow-down is how things
    /// are from now on (a release of the dependency that does more for each call).
    ///
    /// # Errors
    ///
    /// What `law` finds wrong with itself; nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Gradient2};
    ///
    /// let law = Gradient2::new().max(200);
    /// let search = Bulkhead::builder().limit(20).build_adaptive("search", law)?;
    /// search.set_law(law.drift(4.0))?; // also forgets what it has learnt
    /// assert!(search.set_law(law.drift(0.5)).is_err());
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn set_law(&self, law: L) -> Result<(), InvalidConfig> {
        law.check()?;
        let former = std::mem::replace(&mut *self.0.regulator.law.lock(), law);
        drop(former); // its code is not ours: outside the lock
        Ok(())
    }
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

    /// When a window that begins now ends: after two mean latencies at least, so that the calls admitted under a
    /// new limit have come back before it is judged.
    fn next_end(&self, now: u64, mean: u64) -> u64 {
        // Relaxed: a number for itself.
        let window = self.window_micros.load(Relaxed);
        now.saturating_add(window.max(mean.saturating_mul(2)))
    }
}

impl<L: Limit> Regulate for Adaptive<L> {
    type Start = Instant;

    fn start(&self) -> Instant {
        Instant::now()
    }

    fn reconfigured(&self, numbers: Builder) {
        self.window_micros.store(micros(numbers.window), Relaxed);
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
            // Under the lock: of two windows the later one has the last word. One that was set by hand meanwhile stands.
            let changed = next != was && core.replace_limit(was, next);
            drop(law);
            if changed {
                core.resized(next);
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
