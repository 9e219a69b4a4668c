//! An operator's hand on a circuit.

use std::borrow::Borrow;

use tokio::time::Instant;

use crate::{
    CircuitBreaker, Core, Override,
    cause::Cause,
    circuit::Circuit,
    settings::{after, ticks},
    sync::atomic::Ordering::{Acquire, Release},
    word::Phase,
};

/// The end of an override that does not end: later than any instant.
pub(crate) const FOREVER: u64 = u64::MAX;

/// What is known under the transition lock: of an operator's doings, and of earlier openings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Steering {
    /// What was said last.
    pub(crate) last: Option<Override>,
    /// How often the circuit would have opened since it only measures.
    pub(crate) would_have_opened: u32,
    /// How often it has opened since it was last closed.
    pub(crate) openings: u32,
    /// Until when a probe of this half-open state said that the backend wants to be left alone; else 0.
    pub(crate) alone_until: u64,
    /// The last step of a window of time that there was before this one, or is not there any more.
    pub(crate) horizon: u64,
}

impl Steering {
    /// Nothing was said.
    pub(crate) const NONE: Self = Self {
        last: None,
        would_have_opened: 0,
        openings: 0,
        alone_until: 0,
        horizon: 0,
    };

    /// Forgets all but what was said last.
    pub(crate) fn forget(&mut self, last: Option<Override>) {
        *self = Self {
            last,
            horizon: self.horizon,
            ..Self::NONE
        };
    }
}

// === impl CircuitBreaker ===

impl<P: Borrow<Core>> CircuitBreaker<P> {
    /// Rejects every call, until somebody [resumes](Self::resume) or the override ends: no wait in open
    /// lets probes in. Replaces an override that holds.
    ///
    /// No task waits for the override's end: it is seen by the first call or read at or after it.
    pub fn force_open(&self, by: Override) {
        self.force_open_at(by, Instant::now());
    }

    /// [`force_open`](Self::force_open) at `now`, from which the override's time counts.
    pub fn force_open_at(&self, by: Override, now: Instant) {
        self.steer(Phase::ForcedOpen, by, now);
    }

    /// Lets every call through and records none, until somebody [resumes](Self::resume) or the override
    /// ends. Replaces an override that holds.
    pub fn disable(&self, by: Override) {
        self.disable_at(by, Instant::now());
    }

    /// [`disable`](Self::disable) at `now`, from which the override's time counts.
    pub fn disable_at(&self, by: Override, now: Instant) {
        self.steer(Phase::Disabled, by, now);
    }

    /// Lets every call through and records it, until somebody [resumes](Self::resume) or the override
    /// ends. Replaces an override that holds.
    ///
    /// What would have opened the circuit is counted, see
    /// [`Snapshot::would_have_opened`](crate::Snapshot::would_have_opened), and becomes its
    /// [`cause`](crate::Snapshot::cause); then it measures from nothing again.
    pub fn metrics_only(&self, by: Override) {
        self.metrics_only_at(by, Instant::now());
    }

    /// [`metrics_only`](Self::metrics_only) at `now`, from which the override's time counts.
    pub fn metrics_only_at(&self, by: Override, now: Instant) {
        self.steer(Phase::MetricsOnly { in_a_row: 0 }, by, now);
    }

    /// Ends an override: the circuit is closed, with nothing counted, and goes by its numbers again. Says
    /// whether there was one; nothing happens if there was none. How long `by` lasts does not matter.
    pub fn resume(&self, by: Override) -> bool {
        self.resume_at(by, Instant::now())
    }

    /// [`resume`](Self::resume) at `now`.
    pub fn resume_at(&self, by: Override, now: Instant) -> bool {
        let core = self.core();
        core.circuit().resume(by, core.ticks(now))
    }

    fn steer(&self, phase: Phase, by: Override, now: Instant) {
        let core = self.core();
        core.circuit().steer(phase, by, core.ticks(now));
    }
}

// === impl Circuit ===

impl Circuit {
    /// Enters an operator's state, from any.
    pub(crate) fn steer(&self, phase: Phase, by: Override, now: u64) {
        // As in `reset`.
        self.advance(now);
        let until = by.lasts().map_or(FOREVER, |time| after(now, ticks(time)));
        let mut steering = self.transitions.lock();
        steering.forget(Some(by.clone()));
        self.begin(phase, until, Some(by), now);
        drop(steering);
        self.deliver();
    }

    /// Leaves an operator's state. Whether it was in one.
    pub(crate) fn resume(&self, by: Override, now: u64) -> bool {
        self.advance(now);
        let mut steering = self.transitions.lock();
        // Only under the lock is an operator's state entered or left: this stays true.
        let is_steered = self.load().phase().is_steered();
        if is_steered {
            steering.last = Some(by.clone());
            self.begin(Phase::Closed { in_a_row: 0 }, 0, Some(by), now);
        }
        drop(steering);
        self.deliver();
        is_steered
    }

    /// Ends the override or the ramp of `generation`, due `at`, if nobody was faster.
    #[cold]
    pub(crate) fn end_in_time(&self, generation: u32, at: u64) {
        let steering = self.transitions.lock();
        if self.load().generation() == generation {
            self.begin(Phase::Closed { in_a_row: 0 }, 0, None, at);
        }
        drop(steering);
        self.deliver();
    }

    /// What would have opened the circuit, which only measures. Only under the transition lock.
    pub(crate) fn would_open(&self, steering: &mut Steering, cause: Cause, now: u64) {
        steering.would_have_opened = steering.would_have_opened.saturating_add(1);
        let word = self.load();
        let next = word.next(Phase::MetricsOnly { in_a_row: 0 });
        // Release, and before the word: as in `enter_open`. The end of the override goes along.
        self.cause.store(cause.to_bits(), Release);
        let until = self.until(word).load(Acquire);
        self.until(next).store(until, Release);
        self.enter(word, next.phase(), Some(cause), None, now);
    }
}
