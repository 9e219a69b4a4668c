//! A gate's decision, kept for a slot, what an operator says of it, and the probes of a closed gate.
//!
//! The property that chose the design: while the gate is open a check reads two words and writes none.
//! Once a slot, and when an override ends, whoever comes first, and finds the lock free, decides anew; all
//! others go by the last decision. A probe is handed out by one read-modify-write, so that no two callers
//! get the same one.

use std::sync::Arc;

use crate::{
    gate::{Change, Reason, Reasons},
    sync::{
        Mutex,
        atomic::{
            AtomicBool, AtomicU16, AtomicU64,
            Ordering::{AcqRel, Relaxed},
        },
    },
    types::{Override, duration::ticks},
};

#[derive(Debug)]
pub(crate) struct Door {
    /// What requests go by: the decision, or the override.
    reasons: AtomicU16,
    /// The tick from which the decision is to be made anew.
    stale_at: AtomicU64,
    /// When an override ends, for who is refused by it.
    forced_until: AtomicU64,
    /// When the period of the calendar ends, and with it what is spent.
    period_until: AtomicU64,
    /// A probe that is owed, as there has been none for a while.
    due: AtomicBool,
    /// How many optional requests came while it was closed, without those that got a probe that was due.
    asked: AtomicU64,
    probes: AtomicU64,
    /// How many were refused by an override, which lets no probes through.
    turned_away: AtomicU64,
    /// On the path of a request the lock is only ever tried.
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    /// What the policy says, whatever an override does.
    decided: Reasons,
    /// An override, and the tick at which it ends.
    forced: Option<(Override, u64)>,
    /// When a probe was last made due, in ticks.
    last_due: u64,
}

/// What a policy says at a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    pub(crate) reasons: Reasons,
    /// The tick at which the period ends, and this is to be decided anew; `u64::MAX` where it slides.
    pub(crate) period_until: u64,
}

impl From<Reasons> for Decided {
    fn from(reasons: Reasons) -> Self {
        Self {
            reasons,
            period_until: u64::MAX,
        }
    }
}

/// At least one probe in so many slots (a minute, at 10 s): five for the short window of the faster page,
/// so that a gate without much traffic still learns that it may open.
const SLOTS_A_PROBE: u64 = 6;

impl Door {
    pub(crate) fn new() -> Self {
        Self {
            reasons: AtomicU16::new(0),
            stale_at: AtomicU64::new(0),
            forced_until: AtomicU64::new(u64::MAX),
            period_until: AtomicU64::new(u64::MAX),
            due: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            inside: Mutex::new(Inside {
                decided: Reasons::NONE,
                forced: None,
                last_due: 0,
            }),
        }
    }

    /// Why it is closed, as last decided or forced.
    pub(crate) fn reasons(&self) -> Reasons {
        // Relaxed: a decision for a slot; nothing else is read on the strength of it.
        Reasons::of_bits(self.reasons.load(Relaxed))
    }

    /// What the policy last said, and the override if there is one.
    pub(crate) fn inside(&self) -> (Reasons, Option<Override>) {
        let inside = self.inside.lock();
        let forced = inside.forced.as_ref().map(|(by, _)| by.clone());
        (inside.decided, forced)
    }

    /// Decides anew with `decide`, if the decision is older than a slot or the period, and nobody else is at it. What has
    /// changed is told under the lock, in order, with whether it is open then.
    pub(crate) fn refresh<D: Into<Decided>>(
        &self,
        tick: u64,
        resolution: u64,
        decide: impl FnOnce(Reasons) -> D,
        mut tell: impl FnMut(Change, bool),
    ) {
        // Relaxed: a hint, looked at again under the lock.
        if tick < self.stale_at.load(Relaxed) {
            return;
        }
        let Some(mut inside) = self.inside.try_lock() else {
            return;
        };
        if tick < self.stale_at.load(Relaxed) {
            return;
        }
        let was = inside.decided;
        let Decided {
            reasons: now,
            period_until,
        } = decide(was).into();
        let expired = match inside.forced {
            Some((_, until)) if tick >= until => inside.forced.take(),
            _ => None,
        };
        inside.decided = now;
        if now.is_empty() {
            self.due.store(false, Relaxed);
        } else if was.is_empty() {
            inside.last_due = tick;
        } else if tick.saturating_sub(inside.last_due) >= resolution.saturating_mul(SLOTS_A_PROBE) {
            inside.last_due = tick;
            self.due.store(true, Relaxed);
        }
        self.show(&inside);
        let next_slot = (tick / resolution)
            .saturating_add(1)
            .saturating_mul(resolution);
        self.period_until.store(period_until, Relaxed);
        let stale_at = next_slot.min(inside.forced_until()).min(period_until);
        self.stale_at.store(stale_at, Relaxed);
        let is_open = inside.reasons().is_empty();
        if was != now {
            tell(Change::Decided(now), is_open);
        }
        if let Some((ended, _)) = expired {
            tell(Change::Expired(ended), is_open);
        }
    }

    /// Goes by an operator's word from `tick` on.
    pub(crate) fn force(&self, by: Override, tick: u64, mut tell: impl FnMut(Change, bool)) {
        let until = by
            .lasts()
            .map_or(u64::MAX, |lasts| tick.saturating_add(ticks(lasts)));
        let mut inside = self.inside.lock();
        inside.forced = Some((by.clone(), until));
        self.show(&inside);
        // Earlier if it ends within the slot. Under the lock, as all that is stored.
        let stale_at = self.stale_at.load(Relaxed);
        self.stale_at.store(stale_at.min(until), Relaxed);
        let is_open = inside.reasons().is_empty();
        tell(Change::Forced(by), is_open);
    }

    /// Goes by the policy again, if it does not: what was ended.
    pub(crate) fn resume(
        &self,
        actor: Arc<str>,
        reason: Arc<str>,
        mut tell: impl FnMut(Change, bool),
    ) -> Option<Override> {
        let mut inside = self.inside.lock();
        let (ended, _) = inside.forced.take()?;
        self.show(&inside);
        let is_open = inside.reasons().is_empty();
        let change = Change::Resumed {
            actor,
            reason,
            ended: ended.clone(),
        };
        tell(change, is_open);
        Some(ended)
    }

    fn show(&self, inside: &Inside) {
        // Relaxed, as `reasons`. An operator whose word is to be heard by a thread tells it so himself.
        self.reasons.store(inside.reasons().bits(), Relaxed);
        self.forced_until.store(inside.forced_until(), Relaxed);
    }

    /// The tick at which the override ends, if there is one that does.
    pub(crate) fn forced_until(&self) -> Option<u64> {
        Some(self.forced_until.load(Relaxed)).filter(|until| *until != u64::MAX)
    }

    /// The tick at which the period of the calendar ends, if the budget is of one.
    pub(crate) fn period_until(&self) -> Option<u64> {
        Some(self.period_until.load(Relaxed)).filter(|until| *until != u64::MAX)
    }

    /// Counts an optional request that an override refused.
    pub(crate) fn turn_away(&self) {
        // Relaxed: only the number counts.
        self.turned_away.fetch_add(1, Relaxed);
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
        asked - asked / u64::from(one_in) + self.turned_away.load(Relaxed)
    }
}

impl Inside {
    fn reasons(&self) -> Reasons {
        match &self.forced {
            None => self.decided,
            Some((by, _)) if by.is_open() => Reasons::NONE,
            Some(_) => Reasons::NONE.with(Reason::Forced),
        }
    }

    fn forced_until(&self) -> u64 {
        self.forced.as_ref().map_or(u64::MAX, |(_, until)| *until)
    }
}
