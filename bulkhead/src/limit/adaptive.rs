use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Limit, Limited, Regulate, Window, micros,
    samples::{Samples, Sums},
};
use crate::{
    sync::Mutex,
    types::{InvalidConfig, Outcome},
};

/// Keeps an adaptive limit: the samples of the current window, and the law that the limit follows. Opaque.
pub struct Adaptive<L> {
    epoch: Instant,
    samples: Samples,
    /// Tried once a window, by the call that closes it. No call waits for it: the law is foreign code, and may take its time.
    law: Mutex<Followed<L>>,
}

struct Followed<L> {
    law: L,
    /// When its last window ended, in microseconds since the bulkhead was built.
    window_ended: u64,
}

/// The shortest window. In a shorter one every tenth call would take the lock.
const SHORTEST_WINDOW: Duration = Duration::from_millis(1);

impl<L: Limit> Adaptive<L> {
    pub(crate) fn new(law: L, window: Duration) -> Self {
        Self {
            epoch: Instant::now(),
            samples: Samples::new(micros(window.max(SHORTEST_WINDOW))),
            law: Mutex::new(Followed {
                law,
                window_ended: 0,
            }),
        }
    }

    #[cfg(feature = "family")]
    pub(crate) fn into_law(self) -> L {
        self.law.into_inner().law
    }

    /// Replaces the law, and with it what the former one has learnt.
    pub(crate) fn follow(&self, law: L) -> Result<(), InvalidConfig> {
        law.check()?;
        let former = mem::replace(&mut self.law.lock().law, law);
        drop(former); // foreign code: outside the lock
        Ok(())
    }

    /// Records a call that ends now, and lets the law decide if it is the last one of its window. Times in microseconds, `now`
    /// since the bulkhead was built.
    // The latency is an argument, as it may have ended before the call did: with the head of a response whose body goes to a
    // slow client.
    #[inline]
    pub(super) fn record(&self, now: u64, latency: u64, outcome: Outcome, of: &impl Limited) {
        // The call itself is still one of those in flight.
        let in_flight = of.in_flight();
        match outcome {
            Outcome::Success => self.samples.success(latency, in_flight),
            Outcome::Overload => self.samples.overload(in_flight),
            // Refused, failed and dropped calls cannot move a baseline.
            Outcome::Ignored => return,
        }
        if self.samples.closes(now) {
            self.decide(now, of);
        }
    }

    /// Asks the law. A window that closes while the law is busy, or after a later one, goes on: its calls belong to the next.
    #[cold]
    pub(super) fn decide(&self, now: u64, of: &impl Limited) {
        of.end_override();
        let Some(mut followed) = self.law.try_lock() else {
            return;
        };
        if now <= followed.window_ended {
            return;
        }
        let length = now - mem::replace(&mut followed.window_ended, now);
        // Under the lock, so that the calls are those of this length.
        let sums = self.samples.take();
        // Asked only here: a window that goes on has those calls still.
        if of.take_was_forced() {
            // What calls did under a forced limit says nothing about the limit of the law.
            return;
        }
        let was = of.limit();
        let window = window(was, sums, length);
        let answer = catch_unwind(AssertUnwindSafe(|| followed.law.next(&window)));
        // The panic belongs to the law, and not to the call that closes the window. Its payload is leaked, because the drop of a
        // payload may panic too.
        let next = answer.map_err(mem::forget).map_or(was, |next| next.max(1));
        // Under the lock of the law: of two windows the later one decides. A limit that was set by hand meanwhile stays.
        let changed = next != was && of.replace_limit(was, next);
        drop(followed);
        if changed {
            of.resized();
        }
    }
}

impl<L: Limit> Regulate for Adaptive<L> {
    type Start = Instant;

    fn start(&self) -> Instant {
        Instant::now()
    }

    fn reconfigured(&self, window: Duration) {
        let now = micros(self.epoch.elapsed());
        self.samples.last(now, micros(window.max(SHORTEST_WINDOW)));
    }

    fn finished(&self, start: Instant, outcome: Outcome, of: &impl Limited) {
        if outcome == Outcome::Ignored {
            return;
        }
        let now = Instant::now();
        let latency = micros(now.saturating_duration_since(start));
        let now = micros(now.saturating_duration_since(self.epoch));
        self.record(now, latency, outcome, of);
    }

    #[cfg(feature = "http-body")]
    fn finished_until(&self, start: Instant, end: Instant, outcome: Outcome, of: &impl Limited) {
        let latency = micros(end.saturating_duration_since(start));
        let now = micros(self.epoch.elapsed());
        self.record(now, latency, outcome, of);
    }
}

fn window(limit: usize, sums: Sums, length: u64) -> Window {
    let mean = sums.micros.checked_div(sums.successes).unwrap_or(0);
    Window::new(
        limit,
        sums.most_in_flight,
        sums.successes,
        sums.overloads,
        Duration::from_micros(mean.max(1)),
        Duration::from_micros(length),
    )
}

impl<L> fmt::Debug for Adaptive<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adaptive").finish_non_exhaustive()
    }
}
