//! The state of a gate: the last decision, the operator's override, and the probes of a closed gate.
//!
//! Properties: while the gate is open a check reads two words and writes none. Once a slot, and when an override
//! or a period of the calendar ends, the first caller that gets the lock decides again; all others follow the
//! last decision. A probe is one read-modify-write, so no two callers get the same one.
//!
//! Every store to `reasons`, `stale_at`, `forced_until` and `period_until` happens under the lock, so they always
//! end up as the last change of `Inside` left them. They are read without it, each as a hint: a caller that sees
//! an old value follows a decision that is at most a slot older.
//!
//! Rejected: deciding in every check (a handful of subtractions and a lock a request); a task that decides once a
//! slot (the crate would spawn tasks, and a gate would stop deciding with its runtime).

use std::sync::Arc;

use crate::{
    gate::{Change, Reason, Reasons},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    types::{Override, duration::ticks},
};

#[derive(Debug)]
pub(super) struct State {
    /// What requests follow: the decision, or the override.
    reasons: AtomicU16,
    /// The tick from which the decision must be made again.
    stale_at: AtomicU64,
    /// The tick at which the override ends; `u64::MAX` for none.
    forced_until: AtomicU64,
    /// The tick at which the period of the calendar ends; `u64::MAX` for none.
    period_until: AtomicU64,
    /// A probe is due, as there has been none for a while.
    due: AtomicBool,
    /// The optional requests while closed, without those that got a due probe.
    asked: AtomicU64,
    probes: AtomicU64,
    /// The requests that an override refused. An override lets no probes through: the operator said closed, and the
    /// policy learns from essential requests.
    turned_away: AtomicU64,
    /// Requests only ever try this lock.
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    /// What the policy says, whatever an override does.
    decided: Reasons,
    /// The override, and the tick at which it ends.
    forced: Option<(Override, u64)>,
    /// When a probe was last made due, in ticks.
    last_due: u64,
}

/// What a policy says at a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub(super) reasons: Reasons,
    /// The tick at which the period ends and the decision with it; `u64::MAX` if the period slides.
    pub(super) period_until: u64,
}

/// A probe is due after this many slots (a minute, at 10 s): five in the short window of the faster page. Probes by
/// share alone starve a quiet service (one in 50 of one a minute takes 50 minutes); probes by time alone say nothing
/// at high rates.
const SLOTS_A_PROBE: u64 = 6;

impl State {
    pub(super) fn new() -> Self {
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

    /// Why the gate is closed, by the last decision or override.
    pub(super) fn reasons(&self) -> Reasons {
        // Relaxed: nothing else is read because of it. Pairs with the store in `show`.
        Reasons::of_bits(self.reasons.load(Relaxed))
    }

    /// The last decision of the policy, and the override if there is one.
    pub(super) fn inside(&self) -> (Reasons, Option<Override>) {
        let inside = self.inside.lock();
        let forced = inside.forced.as_ref().map(|(by, _)| by.clone());
        (inside.decided, forced)
    }

    /// Decides again with `decide` if the decision is stale and no other caller is deciding. `tell` gets each
    /// change, and whether the gate is open after it. It is called under the lock, so in the order of the changes.
    pub(super) fn refresh(
        &self,
        tick: u64,
        resolution: u64,
        decide: impl FnOnce(Reasons) -> Decided,
        mut tell: impl FnMut(Change, bool),
    ) {
        // Relaxed: a hint, compared again under the lock.
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
        } = decide(was);
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

    /// Follows an operator's override from `tick` on.
    pub(super) fn force(&self, by: Override, tick: u64, mut tell: impl FnMut(Change, bool)) {
        let until = by
            .lasts()
            .map_or(u64::MAX, |lasts| tick.saturating_add(ticks(lasts)));
        let mut inside = self.inside.lock();
        inside.forced = Some((by.clone(), until));
        self.show(&inside);
        // An override may end before the slot does.
        let stale_at = self.stale_at.load(Relaxed);
        self.stale_at.store(stale_at.min(until), Relaxed);
        let is_open = inside.reasons().is_empty();
        tell(Change::Forced(by), is_open);
    }

    /// Follows the policy again. Returns the override that this ended.
    pub(super) fn resume(
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
        // Relaxed: pairs with `reasons` and `forced_until`. An operator who needs another thread to see the
        // override must synchronize with that thread anyway.
        self.reasons.store(inside.reasons().bits(), Relaxed);
        self.forced_until.store(inside.forced_until(), Relaxed);
    }

    /// The tick at which the override ends, if there is one that does.
    pub(super) fn forced_until(&self) -> Option<u64> {
        Some(self.forced_until.load(Relaxed)).filter(|until| *until != u64::MAX)
    }

    /// The tick at which the period of the calendar ends, if the budget follows one.
    pub(super) fn period_until(&self) -> Option<u64> {
        Some(self.period_until.load(Relaxed)).filter(|until| *until != u64::MAX)
    }

    /// Counts an optional request that an override refused.
    pub(super) fn turn_away(&self) {
        // Relaxed: a statistic.
        self.turned_away.fetch_add(1, Relaxed);
    }

    /// Whether an optional request that found the gate closed is a probe: a due one, or one in `one_in`.
    pub(super) fn admit_probe(&self, one_in: u32) -> bool {
        // The load avoids the swap, as the value is mostly false. Relaxed: the swap is one read-modify-write, so one
        // caller sees true, and nothing else is read because of it. Pairs with the stores in `refresh`.
        let admitted = if self.due.load(Relaxed) && self.due.swap(false, Relaxed) {
            true
        } else {
            // Relaxed: only the number matters. Evenly spread; the first probe comes after `one_in - 1` refusals.
            let before = self.asked.fetch_add(1, Relaxed);
            before % u64::from(one_in) == u64::from(one_in) - 1
        };
        if admitted {
            self.probes.fetch_add(1, Relaxed);
        }
        admitted
    }

    /// The number of probes admitted.
    pub(super) fn probes(&self) -> u64 {
        self.probes.load(Relaxed)
    }

    /// The number of requests refused.
    pub(super) fn refused(&self, one_in: u32) -> u64 {
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

/// For tests: a decision about a period that slides.
#[cfg(test)]
impl From<Reasons> for Decided {
    fn from(reasons: Reasons) -> Self {
        Self {
            reasons,
            period_until: u64::MAX,
        }
    }
}
