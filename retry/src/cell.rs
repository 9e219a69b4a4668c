//! Numbers that change while calls read them.
//!
//! There are two sets of them. A change writes the set that is not in force, and then the plan, which names the other set.
//! So a reader is never disturbed by one change, and repeats its reading only if the plan is another one afterwards.
//!
//! # Property
//!
//! What [`read`](Cell::read) returns was in force together, in any interleaving.
//!
//! # Ordering
//!
//! | publishes (Release) | is seen by (Acquire) | so that |
//! |---|---|---|
//! | `plan` in `change` | `plan` | a thread that sees a plan sees its numbers |
//! | a word in `change` | a word in `read` | a reader that sees a newer number sees a newer plan afterwards |
//!
//! The revision in the plan has 24 bits. A reader that is suspended in the middle of its reading during exactly 2^24
//! changes would not notice them.

use crate::sync::{
    StaticMutex,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
    const_fn, numbers, zeroes,
};

pub(crate) struct Cell<const N: usize> {
    /// ```text
    /// 63          40 39                          0
    /// [  revision  ][            tag             ]
    /// ```
    plan: AtomicU64,
    sets: [[AtomicU64; N]; 2],
    /// One change at a time.
    changes: StaticMutex<()>,
}

const TAG_BITS: u32 = 40;
const TAG: u64 = (1 << TAG_BITS) - 1;

impl<const N: usize> Cell<N> {
    const_fn! {
        /// `tag` has 40 bits.
        pub(crate) fn new(tag: u64, words: [u64; N]) -> Self {
            Self { plan: AtomicU64::new(tag & TAG), sets: [numbers(words), zeroes()], changes: StaticMutex::new(()) }
        }
    }

    /// The tag, and above it the revision. One load.
    #[inline]
    pub(crate) fn plan(&self) -> u64 {
        // Acquire pairs with the Release of `plan` in `change`.
        self.plan.load(Acquire)
    }

    /// The plan and the words, of one revision.
    pub(crate) fn read(&self) -> (u64, [u64; N]) {
        let mut plan = self.plan();
        loop {
            // Acquire pairs with the Release of a word in `change`.
            let words = self.set(plan).each_ref().map(|word| word.load(Acquire));
            // A second load: if the plan is unchanged, so were the words.
            let after = self.plan();
            if after == plan {
                return (plan, words);
            }
            plan = after;
        }
    }

    /// Puts into force what `to` returns, which no other change overtakes.
    pub(crate) fn change(&self, to: impl FnOnce() -> (u64, [u64; N])) {
        let _one = self.changes.lock();
        let (tag, words) = to();
        let next = (self.plan() | TAG).wrapping_add(1) | (tag & TAG);
        for (word, value) in self.set(next).iter().zip(words) {
            // Release pairs with the Acquire of a word in `read`.
            word.store(value, Release);
        }
        // Release pairs with the Acquire in `plan`.
        self.plan.store(next, Release);
    }

    fn set(&self, plan: u64) -> &[AtomicU64; N] {
        &self.sets[usize::from(plan & (1 << TAG_BITS) != 0)]
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::*;

    #[test]
    fn numbers_are_read_of_one_revision() {
        loom::model(|| {
            let cell = loom::sync::Arc::new(Cell::new(0, [0, 0]));
            let twice = |cell: &Cell<2>| {
                cell.change(|| (1, [1, 1]));
                cell.change(|| (2, [2, 2]));
            };
            let ((), (plan, words)) = crate::sync::both(&cell, twice, Cell::read);
            assert_eq!(words, [plan & TAG; 2]);
            assert_eq!(cell.read().1, [2, 2]);
        });
    }
}
