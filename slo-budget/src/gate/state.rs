//! The state of a gate: the last decision, the operator's override, and the counters of optional requests.
//!
//! Properties: while the gate is open a check reads two words and writes none. Once a second, and when an override or a
//! period of the calendar ends, the first caller that gets the lock decides again; all others follow the last decision.
//! While a share is refused, a request takes its number by one read-modify-write, so no two requests take the same
//! place in the order.
//!
//! Every store to `standing`, `figures`, `stale_at`, `forced_until` and `period_until` happens under the lock, so they
//! always end up as the last change of `Inside` left them. They are read without it, each as a hint: a caller that sees
//! an old value follows a decision that is at most a second older.
//!
//! Rejected: deciding in every check (a handful of subtractions and a lock a request); a task that decides once a
//! second (the crate would spawn tasks, and a gate would stop deciding with its runtime).

use crate::{
    gate::{
        Change, Reason, Reasons,
        demand::Demand,
        law::{Law, Turn},
        recent::Tally,
        rules::Rules,
        standing::{Standing, decided, pack, unpack},
    },
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    types::{Counts, Override, duration::ticks},
};

/// In ticks. The law counts seconds of the clock also where the period of a budget is compressed: requests take as long
/// as ever.
pub(super) const SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct State {
    /// What requests follow, by the decision or the override: a [`Standing`].
    standing: AtomicU64,
    /// The tick from which the decision must be made again.
    stale_at: AtomicU64,
    /// The pace and the burn rate of the decision, in thousandths. An open gate does not read them.
    figures: AtomicU64,
    /// The tick at which the override ends; `u64::MAX` for none.
    forced_until: AtomicU64,
    /// The tick at which the period of the calendar ends; `u64::MAX` for none.
    period_until: AtomicU64,
    demand: Demand,
    /// When the gate was built, in ticks.
    built: u64,
    /// Requests only ever try this lock.
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    law: Law,
    /// The counters when the law last looked.
    counts: Counts,
    /// The reasons to refuse all but the lowest share, whatever the law says.
    strict: Reasons,
    /// The lowest share, in millionths.
    floor: u32,
    forced: Option<Forced>,
}

/// An override of the policy.
#[derive(Clone, Debug)]
pub(super) struct Forced {
    pub(super) by: Override,
    pub(super) is_open: bool,
    /// The tick at which it ends; `u64::MAX` for none.
    pub(super) until: u64,
}

/// What a decision is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// The numbers of the law, which change if gate or budget are reconfigured.
    pub(super) rules: Rules,
    /// The cumulative counts.
    pub(super) counts: Counts,
    /// The burn rate that is allowed, in thousandths.
    pub(super) pace: u32,
    /// The reasons to refuse all but the lowest share.
    pub(super) strict: Reasons,
    /// The tick at which the period ends and the decision with it; `u64::MAX` if the period slides.
    pub(super) period_until: u64,
}

/// The state for people.
pub(super) struct View {
    pub(super) decided: Reasons,
    pub(super) forced: Option<Forced>,
    /// The tick at which the budget began to burn too fast.
    pub(super) since: Option<u64>,
}

impl State {
    /// A gate that is built at `tick`, when the counters are at `counts`.
    pub(super) fn new(rules: &Rules, tick: u64, counts: Counts) -> Self {
        Self {
            standing: AtomicU64::new(Standing::OPEN.0),
            stale_at: AtomicU64::new(0),
            figures: AtomicU64::new(0),
            forced_until: AtomicU64::new(u64::MAX),
            period_until: AtomicU64::new(u64::MAX),
            demand: Demand::new(),
            built: tick,
            inside: Mutex::new(Inside {
                law: Law::new(),
                counts,
                strict: Reasons::NONE,
                floor: rules.floor,
                forced: None,
            }),
        }
    }

    /// What requests follow, by the last decision or override.
    pub(super) fn standing(&self) -> Standing {
        // Relaxed: nothing else is read because of it. Pairs with the store in `show`.
        Standing(self.standing.load(Relaxed))
    }

    /// Why requests are refused.
    pub(super) fn reasons(&self) -> Reasons {
        self.explain(self.standing())
    }

    /// The reasons of `standing` with their numbers, which may be those of the decision before or after it.
    pub(super) fn explain(&self, standing: Standing) -> Reasons {
        // Relaxed: for people. Pairs with the store in `show`.
        standing.reasons(unpack(self.figures.load(Relaxed)))
    }

    /// The last decision of the policy, and the override if there is one at `tick`.
    pub(super) fn view(&self, tick: u64, tell: impl FnMut(Change, bool)) -> View {
        let mut inside = self.inside.lock();
        self.end_override(&mut inside, tick, tell);
        let since = inside.law.since();
        View {
            decided: inside.decided(),
            forced: inside.forced.clone(),
            since: since.map(|second| self.built.saturating_add(second.saturating_mul(SECOND))),
        }
    }

    /// Whether a decision is due.
    pub(super) fn is_stale(&self, tick: u64) -> bool {
        // Relaxed: a hint, compared again under the lock.
        tick >= self.stale_at.load(Relaxed)
    }

    /// Whether no decision is due and all requests are admitted.
    pub(super) fn is_open(&self, tick: u64) -> bool {
        !self.is_stale(tick) && self.standing() == Standing::OPEN
    }

    /// Decides again with `sample` if the decision is stale and no other caller is deciding. `tell` gets each change,
    /// and whether the gate is open after it. It is called under the lock, so in the order of the changes.
    pub(super) fn refresh(
        &self,
        tick: u64,
        sample: impl FnOnce(Reasons) -> Sample,
        mut tell: impl FnMut(Change, bool),
    ) {
        let Some(mut inside) = self.inside.try_lock() else {
            return;
        };
        if !self.is_stale(tick) {
            return;
        }
        let Sample {
            rules,
            counts,
            pace,
            strict,
            period_until,
        } = sample(inside.strict);
        let ended = inside.take_ended(tick);
        let is_forced_open = inside.forced.as_ref().map(|forced| forced.is_open);
        let second = tick.saturating_sub(self.built) / SECOND;
        let was = std::mem::replace(&mut inside.strict, strict);
        inside.floor = rules.floor;
        let floor = inside.floor;
        let turn = |turn, law: &Law| {
            let decided = decided(law, strict, floor);
            let is_open = is_forced_open.unwrap_or(decided == Standing::OPEN);
            tell(Change::of(turn, decided.reasons(law.figures())), is_open);
        };
        // Otherwise only an override or a period has ended, and what was counted belongs to the current second.
        if second > inside.law.now() {
            let tally = self.tally(&rules, &inside, counts);
            inside.counts = counts;
            inside.law.advance(&rules, pace, second, tally, turn);
        }
        self.show(&inside);
        let next = (second.saturating_add(1).saturating_mul(SECOND)).saturating_add(self.built);
        self.period_until.store(period_until, Relaxed);
        let stale_at = next.min(inside.forced_until()).min(period_until);
        self.stale_at.store(stale_at, Relaxed);
        let is_open = inside.standing() == Standing::OPEN;
        if was != strict {
            tell(Change::Decided(inside.decided()), is_open);
        }
        if let Some(by) = ended {
            tell(Change::OverrideOver(by), is_open);
        }
    }

    /// What was asked until now, when the counters are at `counts`.
    fn tally(&self, rules: &Rules, inside: &Inside, counts: Counts) -> Tally {
        let new = counts.since(inside.counts);
        let before = inside.law.tally();
        let counted = u64::try_from(new.total()).unwrap_or(u64::MAX);
        // A refused request is no slice.
        let refused = if rules.counts_slices {
            0
        } else {
            self.demand.refused()
        };
        Tally {
            counted: before.counted.saturating_add(counted),
            bad: before.bad.saturating_add(new.bad()),
            // Never less than before: a request takes its number before it is known to be admitted.
            refused: refused.max(before.refused),
        }
    }

    /// Follows an operator's override from `tick` on.
    pub(super) fn force(
        &self,
        is_open: bool,
        by: Override,
        tick: u64,
        mut tell: impl FnMut(Change, bool),
    ) {
        let until = by
            .lasts()
            .map_or(u64::MAX, |lasts| tick.saturating_add(ticks(lasts)));
        let mut inside = self.inside.lock();
        self.end_override(&mut inside, tick, &mut tell);
        inside.forced = Some(Forced {
            by: by.clone(),
            is_open,
            until,
        });
        self.show(&inside);
        // An override may end before the second does.
        let stale_at = self.stale_at.load(Relaxed);
        self.stale_at.store(stale_at.min(until), Relaxed);
        tell(Change::Forced(by), is_open);
    }

    /// Follows the policy again from `tick` on. Returns whether this ended an override.
    pub(super) fn resume(
        &self,
        by: Override,
        tick: u64,
        mut tell: impl FnMut(Change, bool),
    ) -> bool {
        let mut inside = self.inside.lock();
        self.end_override(&mut inside, tick, &mut tell);
        let Some(Forced { by: ended, .. }) = inside.forced.take() else {
            return false;
        };
        self.show(&inside);
        let is_open = inside.standing() == Standing::OPEN;
        tell(Change::Resumed { by, ended }, is_open);
        true
    }

    /// Ends the override if it has run out by `tick`. `refresh` may not have seen its end yet: no check was made since, or
    /// another caller had the lock.
    fn end_override(&self, inside: &mut Inside, tick: u64, mut tell: impl FnMut(Change, bool)) {
        if let Some(by) = inside.take_ended(tick) {
            self.show(inside);
            tell(
                Change::OverrideOver(by),
                inside.standing() == Standing::OPEN,
            );
        }
    }

    fn show(&self, inside: &Inside) {
        // Relaxed: pairs with `standing`, `explain` and `forced_until`. An operator who needs another thread to see the
        // override must synchronize with that thread anyway.
        self.figures.store(pack(inside.law.figures()), Relaxed);
        self.standing.store(inside.standing().0, Relaxed);
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

    /// The counters of optional requests.
    pub(super) fn demand(&self) -> &Demand {
        &self.demand
    }
}

// === impl Inside ===

impl Inside {
    fn standing(&self) -> Standing {
        match &self.forced {
            None => decided(&self.law, self.strict, self.floor),
            Some(Forced { is_open: true, .. }) => Standing::OPEN,
            Some(_) => Standing::new(0, Reasons::NONE.with(Reason::Forced), 0),
        }
    }

    /// What the policy says, whatever an override does.
    fn decided(&self) -> Reasons {
        decided(&self.law, self.strict, self.floor).reasons(self.law.figures())
    }

    /// Takes the override if it has run out by `tick`.
    fn take_ended(&mut self, tick: u64) -> Option<Override> {
        let ended = self.forced.take_if(|forced| tick >= forced.until);
        ended.map(|forced| forced.by)
    }

    fn forced_until(&self) -> u64 {
        self.forced.as_ref().map_or(u64::MAX, |forced| forced.until)
    }
}

// === impl Change ===

impl Change {
    const fn of(turn: Turn, reasons: Reasons) -> Self {
        match turn {
            Turn::Begun | Turn::Ended => Self::Decided(reasons),
            Turn::Paused(seconds) => Self::Paused(std::time::Duration::from_secs(seconds)),
        }
    }
}
