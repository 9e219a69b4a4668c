//! The probes of a half-open breaker: their counts, which are part of the state word, and their
//! deadlines, one word each.
//!
//! A slot is given back by swapping out the very lease that was swapped in. So of the end of a
//! probe and the end of its time exactly one settles it.

use super::{
    StateMachine,
    config_cell::Plan,
    record::asked_wait,
    word::{Phase, Word},
};
use crate::{
    config::Trial,
    sync::{
        Lazy,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
        const_fn, repeat,
    },
    types::{Cause, End},
};

/// The slots that every breaker has: the default of [`Probes::in_flight`](crate::Probes::in_flight). Under loom: two.
const FIRST: usize = if cfg!(all(test, loom)) { 2 } else { 3 };
/// The slots beyond, with which there are as many as can be configured.
const MORE: usize = 16 - FIRST;

/// The counts of a half-open breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProbeCounts {
    pub(super) in_flight: u32,
    pub(super) successes: u32,
    pub(super) failures: u32,
}

#[derive(Debug)]
pub(super) struct ProbeSlots {
    // No list of free ones: sixteen are scanned in less time than a list takes to change.
    first: [Slot; FIRST],
    /// Made before the numbers that need them are in force, or before the state in which a call may need them.
    more: Lazy<[Slot; MORE]>,
}

#[derive(Debug)]
struct Slot {
    lease: AtomicU64,
    /// When the probe began. Belongs to the holder of the lease.
    begun: AtomicU64,
}

/// The deadline of a probe, in ticks, whether it is [answered](StateMachine::answer_probe), and the low bits of the
/// generation that admitted it: what a probe leaves behind of a generation that was reset is not mistaken for a current
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease(u64);

// A deadline is at least 1, so no lease is 0.
const FREE: u64 = 0;
const TAG_BITS: u32 = 3;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;
const ANSWERED: u64 = 1 << TAG_BITS;
const DEADLINE_SHIFT: u32 = TAG_BITS + 1;

// === impl StateMachine ===

impl StateMachine {
    #[cold]
    pub(super) fn end_probe(&self, generation: u32, slot: u8, lease: Lease, end: End, now: u64) {
        // Its time may be over: then it has failed, whatever it says now.
        let is_late = self.advance(now).generation() != generation;
        // Found by a property test: with an unbounded deadline all leases are equal, and a late
        // probe freed the slot of another one eight generations later. A late probe leaves its
        // slot alone: another may hold it by now, with an equal lease where both end with time
        // itself.
        let began = self.probes.begun(slot);
        if !is_late && self.probes.free(slot, lease) {
            let (_, config) = self.config.read();
            // What came after the head depends on its reader.
            let is_slow = !lease.is_answered() && config.is_slow(began, now);
            // A slow probe is a failed one: slow calls may be what opened the breaker.
            let failed = config
                .has_failed(end, is_slow)
                .map(|failed| failed || is_slow);
            if asked_wait(end) > 0 {
                self.leave_alone(generation, self.asked_until(asked_wait(end), now));
            }
            self.settle_probe(generation, failed, now);
        }
    }

    /// The head of a probe's response is good, and its first frame is awaited, which says more. If that has not come by the
    /// deadline, the probe has succeeded: a backend may have nothing to say for long, and a client may not read.
    ///
    /// Returns the token to go on with; `None` if the head was too slow, or came too late.
    #[cfg(any(feature = "http-body", all(test, loom)))]
    pub(crate) fn answer_probe(
        &self,
        admission: super::Admission,
        clock: impl FnOnce() -> u64,
    ) -> Option<super::Admission> {
        let now = clock();
        let (slot, lease) = admission.as_probe()?;
        // As in `end_probe`: the slot of a late probe may be that of another, with an equal lease.
        if self.advance(now).generation() != admission.generation() {
            return None;
        }
        let (_, config) = self.config.read();
        if config.is_slow(self.probes.begun(slot), now) {
            return None;
        }
        let answered = lease.answered();
        (self.probes.replace(slot, lease, answered)).then(|| admission.leased(answered))
    }

    /// Remembers what a probe of `generation` asked for, in case the probes open the breaker again.
    fn leave_alone(&self, generation: u32, until: u64) {
        // The one lock on the path of a call that opens nothing. Remembering this for all calls of
        // a closed breaker would take it for each of them during the very storm that the hint is
        // about; so there only the call that opens is asked.
        let mut history = self.transitions.lock();
        if self.state.load().generation() == generation {
            history.leave_alone_until(until);
        }
    }

    /// Counts the end of a probe whose slot was freed by the caller, at `now`.
    pub(super) fn settle_probe(&self, generation: u32, failed: Option<bool>, now: u64) {
        loop {
            let word = self.state.load();
            let Some(counts) = word.half_open_in(generation) else {
                return; // late
            };
            // The result and the decision are one compare-and-swap, or one transition: of two probes that end
            // at once one decides, and it has counted the other.
            let counts = counts.settle(failed);
            let (plan, trial) = self.config.trial();
            if let Some(opens) = counts.decide(&trial) {
                if self.decide(plan, word, counts, opens, now) {
                    return;
                }
                continue; // another probe was faster, or a reset, or there are other numbers
            }
            // After the swap a slot is free and the word says so: one waiting call may be woken for it.
            if self.state.swap(word, word.with(Phase::HalfOpen(counts))) {
                return self.wake_for_room();
            }
        }
    }

    /// Opens or closes a half-open breaker by its `counts`, unless its state is no longer `word` or
    /// its numbers those of `plan`.
    pub(super) fn decide(
        &self,
        plan: Plan,
        word: Word,
        counts: ProbeCounts,
        opens: bool,
        now: u64,
    ) -> bool {
        let mut history = self.transitions.lock();
        if self.state.load() != word || self.config.plan() != plan {
            return false;
        }
        let left = if opens {
            let (failures, results) = (counts.failures, counts.results());
            let cause = Cause::Probes { failures, results };
            self.enter_open(&mut history, word, cause, None, now)
        } else {
            history.closes(now);
            self.close(word, now)
        };
        if counts.in_flight > 0 || left != word {
            // Found by loom: without the second condition the lease of a probe that was admitted
            // between the decision and the word stayed, and was taken for a current one eight
            // generations later. Decided before all probes had ended, or one more was admitted
            // since the look at the word. Whatever they do to the counts now is to those of the
            // state that was left; their slots are given back for them, after the word, as by a
            // reset.
            self.probes.clear();
        }
        drop(history);
        self.deliver();
        true
    }
}

// === impl ProbeCounts ===

impl ProbeCounts {
    pub(super) const fn results(self) -> u32 {
        self.successes + self.failures
    }

    /// With one more probe, if there is room for it.
    pub(super) const fn admit(self, trial: &Trial) -> Option<Self> {
        if self.in_flight >= trial.in_flight as u32
            || self.in_flight + self.results() >= trial.results
        {
            return None;
        }
        Some(Self {
            in_flight: self.in_flight + 1,
            ..self
        })
    }

    /// With one probe less in flight and, unless it was ignored, one more result.
    pub(super) const fn settle(self, failed: Option<bool>) -> Self {
        let (successes, failures) = match failed {
            None => (0, 0),
            Some(false) => (1, 0),
            Some(true) => (0, 1),
        };
        Self {
            // Saturating for one case: a thread that was delayed inside `admit` while the breaker
            // was reset and went through eight generations leaves a lease which is then taken for
            // a current one.
            in_flight: self.in_flight.saturating_sub(1),
            successes: self.successes + successes,
            failures: self.failures + failures,
        }
    }

    /// Whether the breaker opens (or closes) with these results; `None` if it is too early to say.
    pub(super) fn decide(self, trial: &Trial) -> Option<bool> {
        trial.decides(self.successes, self.failures)
    }
}

// === impl Lease ===

impl Lease {
    /// `deadline` is above 0 and below 2^60.
    pub(super) const fn new(deadline: u64, generation: u32) -> Self {
        Self((deadline << DEADLINE_SHIFT) | (generation as u64 & TAG_MASK))
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn deadline(self) -> u64 {
        self.0 >> DEADLINE_SHIFT
    }

    #[cfg(any(feature = "http-body", all(test, loom)))]
    const fn answered(self) -> Self {
        Self(self.0 | ANSWERED)
    }

    pub(super) const fn is_answered(self) -> bool {
        self.0 & ANSWERED != 0
    }

    const fn is_of(self, generation: u32) -> bool {
        self.0 != FREE && self.0 & TAG_MASK == generation as u64 & TAG_MASK
    }
}

// === impl ProbeSlots ===

impl ProbeSlots {
    const_fn! {
        pub(super) fn new() -> Self {
            Self { first: repeat!(Slot::new(); FIRST), more: Lazy::new() }
        }
    }

    /// Makes the slots for so many probes in flight, unless they exist.
    pub(super) fn allocate(&self, in_flight: u8) {
        if usize::from(in_flight) > FIRST {
            self.more.get_or_make(|| repeat!(Slot::new(); MORE));
        }
    }

    fn all(&self) -> impl Iterator<Item = &Slot> {
        self.first
            .iter()
            .chain(self.more.get().into_iter().flatten())
    }

    fn slot(&self, index: u8) -> &Slot {
        let index = usize::from(index);
        match self.first.get(index) {
            Some(slot) => slot,
            None => &self.more.get().expect("a probe took one of them")[index - FIRST],
        }
    }

    /// Puts `lease`, of a probe that begins at `now`, into one of the slots. The caller has
    /// reserved room in the state word, so one is free: a slot is freed before the word says so.
    /// Each further round means that another thread has made progress.
    pub(super) fn take(&self, lease: Lease, generation: u32, now: u64) -> u8 {
        loop {
            for (index, slot) in (0..).zip(self.all()) {
                // Relaxed: a guess, which the compare-and-swap confirms or corrects.
                // A lease of another generation counts as free. Its probe is late, and its owner finds that out by
                // its own compare-and-swap.
                let seen = slot.lease.load(Relaxed);
                // AcqRel: see `clear`.
                if !Lease(seen).is_of(generation)
                    && slot
                        .lease
                        .compare_exchange(seen, lease.0, AcqRel, Relaxed)
                        .is_ok()
                {
                    // Relaxed: only the end of this probe reads it, which comes after this.
                    slot.begun.store(now, Relaxed);
                    return index;
                }
            }
        }
    }

    /// When the probe in this slot began, to be asked before the slot is given back. A late probe
    /// gets any number.
    pub(super) fn begun(&self, index: u8) -> u64 {
        // Relaxed, as in `take`.
        self.slot(index).begun.load(Relaxed)
    }

    /// Takes `lease` out of its slot. Only a caller that succeeds may settle the probe.
    pub(super) fn free(&self, index: u8, lease: Lease) -> bool {
        // AcqRel: the write to the state word that follows must not be seen without this one
        // (`take`).
        (self.slot(index).lease)
            .compare_exchange(lease.0, FREE, AcqRel, Relaxed)
            .is_ok()
    }

    /// Puts `answered` in the place of `lease`, in one step with the check that it is still there: the end of the
    /// probe's time finds the one or the other.
    #[cfg(any(feature = "http-body", all(test, loom)))]
    fn replace(&self, index: u8, lease: Lease, answered: Lease) -> bool {
        // AcqRel, as in `free`.
        (self.slot(index).lease)
            .compare_exchange(lease.0, answered.0, AcqRel, Relaxed)
            .is_ok()
    }

    /// The lease of `generation` that ends first.
    pub(super) fn earliest(&self, generation: u32) -> Option<(u8, Lease)> {
        (0..)
            .zip(self.all())
            // Acquire: a thread that expires a probe sees all that led to its admission.
            .map(|(index, slot)| (index, Lease(slot.lease.load(Acquire))))
            .filter(|(_, lease)| lease.is_of(generation))
            // A scan, not a heap: the earliest deadline is asked for only when a call is rejected
            // or a probe is overdue.
            .min_by_key(|(_, lease)| lease.deadline())
    }

    /// Drops every lease, for a reset. The state word must have left the generation before.
    pub(super) fn clear(&self) {
        for slot in self.all() {
            // AcqRel: a `take` before this is wiped out; one after it reads from it, sees the newer
            // word and gives its slot back. (A store would do the same, but to loom a store and a
            // compare-and-swap that did not read from it have no order.)
            slot.lease.swap(FREE, AcqRel);
        }
    }
}

// === impl Slot ===

impl Slot {
    const_fn! {
        fn new() -> Self {
            Self { lease: AtomicU64::new(FREE), begun: AtomicU64::new(0) }
        }
    }
}
