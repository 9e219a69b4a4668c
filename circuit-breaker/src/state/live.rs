//! The numbers of a circuit, where they may be changed while calls go by them.
//!
//! The property that chose the design: there are two sets, in turn, and one word, the plan, says which of
//! them holds, by a revision that only rises, and what a call has to do by it. What is written for the next revision goes to the set
//! that does not hold. So who reads a plan, then numbers, and finds the plan unchanged has read numbers of
//! that one revision; nothing is locked and nothing written for it. To most calls the plan alone says enough.

use crate::{
    buckets::Grid,
    packed::{self, WORDS, Words},
    ratio::Ratio,
    recent::Last,
    settings::{Over, Settings, Trial},
    sync::{
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
        const_fn, zeros,
    },
};

#[derive(Debug)]
pub(crate) struct Live {
    plan: AtomicU64,
    sets: [[AtomicU64; WORDS]; 2],
}

/// What a call has to do, in the low bits, and the revision of the numbers that it goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan(u64);

/// A look at the clock when a call begins.
const TIMES_CALLS: u64 = 1;
/// A window of time.
const TIME: u64 = 1 << 1;
/// A window of calls.
const CALLS: u64 = 1 << 2;
/// Failures in the window.
const FAILED: u64 = 1 << 3;
/// Slow calls in the window.
const SLOW: u64 = 1 << 4;
/// Failures in a row.
const IN_A_ROW: u64 = 1 << 5;
/// Successes may open.
const JUDGES_ALL: u64 = 1 << 6;
/// To see that a window of time is whole before its sum is believed.
const BEING_CUT: u64 = 1 << 7;
const REVISION_SHIFT: u32 = 8;
const TASKS: u64 = (1 << REVISION_SHIFT) - 1;

// === impl Live ===

impl Live {
    const_fn! {
        pub(crate) fn new(settings: Settings) -> Self {
            Self {
                plan: AtomicU64::new(Plan::of(&settings, 0).0),
                sets: [packed::atomics(&packed::pack(&settings)), zeros!(WORDS)],
            }
        }
    }

    #[inline]
    pub(crate) fn plan(&self) -> Plan {
        // Acquire pairs with the Release in `change`: who sees a plan sees its numbers.
        Plan(self.plan.load(Acquire))
    }

    /// The numbers that hold, all of one revision.
    pub(crate) fn read(&self) -> (Plan, Settings) {
        loop {
            let plan = self.plan();
            let words = self.words(plan);
            if self.plan() == plan {
                return (plan, packed::unpack(&words));
            }
        }
    }

    /// Of the numbers that hold those by which a half-open circuit goes, all of one revision.
    pub(crate) fn trial(&self) -> (Plan, Trial) {
        loop {
            let plan = self.plan();
            let trial = packed::trial(|index| self.set(plan)[index].load(Acquire));
            if self.plan() == plan {
                return (plan, trial);
            }
        }
    }

    /// How a window of time is cut. True if the plan is still this one afterwards.
    #[inline]
    pub(crate) fn grid(&self, plan: Plan) -> Grid {
        packed::grid(|index| self.set(plan)[index].load(Acquire))
    }

    /// How a window of calls is numbered. To be believed as [`grid`](Self::grid) is.
    #[inline]
    pub(crate) fn last(&self, plan: Plan) -> Last {
        packed::last(|index| self.set(plan)[index].load(Acquire))
    }

    /// From how many calls on which share of failures is too much. To be believed as [`grid`](Self::grid) is.
    #[inline]
    pub(crate) fn threshold(&self, plan: Plan) -> (u32, Option<Ratio>) {
        packed::threshold(|index| self.set(plan)[index].load(Acquire))
    }

    /// Puts other numbers into force. Only under the transition lock.
    pub(crate) fn change(&self, to: &Settings) {
        self.change_while(to, 0, || {});
    }

    /// As [`change`](Self::change), for a window of time that `cut` brings over afterwards: until it has, the plan
    /// says so.
    pub(crate) fn change_and_cut(&self, to: &Settings, cut: impl FnOnce()) {
        self.change_while(to, BEING_CUT, cut);
    }

    fn change_while(&self, to: &Settings, task: u64, work: impl FnOnce()) {
        let next = Plan::of(to, self.plan().revision() + 1);
        for (word, value) in self.set(next).iter().zip(packed::pack(to)) {
            // Release: who reads one of these, though they look for the numbers of a revision two before,
            // sees afterwards that its plan is no longer the one in force.
            word.store(value, Release);
        }
        self.plan.store(next.0 | task, Release);
        work();
        if task != 0 {
            self.plan.store(next.0, Release);
        }
    }

    fn words(&self, plan: Plan) -> Words {
        // Acquire: as in `change`.
        self.set(plan).each_ref().map(|word| word.load(Acquire))
    }

    #[inline]
    fn set(&self, plan: Plan) -> &[AtomicU64; WORDS] {
        &self.sets[(plan.revision() % 2) as usize]
    }
}

// === impl Plan ===

impl Plan {
    const fn of(settings: &Settings, revision: u64) -> Self {
        let mut tasks = 0;
        if settings.slow_after.is_some() {
            tasks |= TIMES_CALLS;
        }
        if settings.in_a_row > 0 {
            tasks |= IN_A_ROW;
        }
        if let Some(window) = settings.window {
            tasks |= match window.over {
                Over::Time(_) => TIME,
                Over::Calls(_) => CALLS,
            };
            if window.failed.is_some() {
                tasks |= FAILED;
            }
            if window.slow.is_some() {
                tasks |= SLOW;
            }
            if window.judges_all {
                tasks |= JUDGES_ALL;
            }
        }
        Self((revision << REVISION_SHIFT) | tasks)
    }

    /// Whether a call needs to know when it began.
    #[inline]
    pub(crate) const fn times_calls(self) -> bool {
        self.0 & TIMES_CALLS != 0
    }

    /// Whether all that a call may change is how many failed in a row.
    #[inline]
    pub(crate) const fn counts_only_in_a_row(self) -> bool {
        self.0 & (TIME | CALLS) == 0
    }

    /// Whether all that a success does is to be counted in a window of time.
    #[inline]
    pub(crate) const fn counts_only_failures_in_time(self) -> bool {
        self.0 & TASKS == TIME | FAILED
    }

    /// Whether all that a success does is to be counted among the last calls.
    #[inline]
    pub(crate) const fn counts_only_last_calls(self) -> bool {
        self.0 & TASKS == CALLS | FAILED
    }

    /// Whether a window of time may just be in pieces.
    #[inline]
    pub(crate) const fn is_being_cut(self) -> bool {
        self.0 & BEING_CUT != 0
    }

    #[inline]
    pub(crate) const fn revision(self) -> u64 {
        self.0 >> REVISION_SHIFT
    }
}
