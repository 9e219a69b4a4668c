//! A gate's decision, kept for a slot, and the probes of a closed gate.
//!
//! The property that chose the design: while the gate is open a check reads two words and writes none.
//! Once a slot whoever comes first, and finds the lock free, decides anew; all others go by the last
//! decision. A probe is handed out by one read-modify-write, so that no two callers get the same one.

use crate::{
    Reasons,
    sync::{
        Mutex,
        atomic::{
            AtomicBool, AtomicU16, AtomicU64,
            Ordering::{AcqRel, Relaxed},
        },
    },
};

#[derive(Debug)]
pub(crate) struct Door {
    reasons: AtomicU16,
    /// The tick from which the decision is to be made anew.
    stale_at: AtomicU64,
    /// A probe that is owed, as there has been none for a while.
    due: AtomicBool,
    /// How many optional requests came while it was closed, without those that got a probe that was due.
    asked: AtomicU64,
    probes: AtomicU64,
    /// When a probe was last made due, in ticks. The lock is only ever tried.
    last_due: Mutex<u64>,
}

/// At least one probe in so many slots (a minute, at 10 s): five for the short window of the faster page,
/// so that a gate without much traffic still learns that it may open.
const SLOTS_A_PROBE: u64 = 6;

impl Door {
    pub(crate) fn new() -> Self {
        Self {
            reasons: AtomicU16::new(0),
            stale_at: AtomicU64::new(0),
            due: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            last_due: Mutex::new(0),
        }
    }

    /// Why it is closed, as last decided.
    pub(crate) fn reasons(&self) -> Reasons {
        // Relaxed: a decision for a slot; nothing else is read on the strength of it.
        Reasons::of_bits(self.reasons.load(Relaxed))
    }

    /// Decides anew with `decide`, if the decision is older than a slot and nobody else is at it.
    pub(crate) fn refresh(
        &self,
        tick: u64,
        resolution: u64,
        decide: impl FnOnce(Reasons) -> Reasons,
    ) {
        // Relaxed: a hint, looked at again under the lock.
        if tick < self.stale_at.load(Relaxed) {
            return;
        }
        let Some(mut last_due) = self.last_due.try_lock() else {
            return;
        };
        if tick < self.stale_at.load(Relaxed) {
            return;
        }
        let was = self.reasons();
        let now = decide(was);
        if now.is_empty() {
            self.due.store(false, Relaxed);
        } else if was.is_empty() {
            *last_due = tick;
        } else if tick.saturating_sub(*last_due) >= resolution.saturating_mul(SLOTS_A_PROBE) {
            *last_due = tick;
            self.due.store(true, Relaxed);
        }
        self.reasons.store(now.bits(), Relaxed);
        let next_slot = (tick / resolution)
            .saturating_add(1)
            .saturating_mul(resolution);
        self.stale_at.store(next_slot, Relaxed);
    }

    /// Whether this optional request, which found it closed, goes through as a probe: one that is due, or
    /// every `one_in`th.
    pub(crate) fn admit_probe(&self, one_in: u32) -> bool {
        // The load spares the swap, as it is mostly false. AcqRel: only one caller sees true.
        let admitted = if self.due.load(Relaxed) && self.due.swap(false, AcqRel) {
            true
        } else {
            // Relaxed: only the number counts. Evenly spread, and the first comes after `one_in - 1`.
            let before = self.asked.fetch_add(1, Relaxed);
            before % u64::from(one_in) == u64::from(one_in) - 1
        };
        if admitted {
            self.probes.fetch_add(1, Relaxed);
        }
        admitted
    }

    /// How many probes were admitted.
    pub(crate) fn probes(&self) -> u64 {
        self.probes.load(Relaxed)
    }

    /// How many were refused.
    pub(crate) fn refused(&self, one_in: u32) -> u64 {
        let asked = self.asked.load(Relaxed);
        asked - asked / u64::from(one_in)
    }
}
