//! The numbers of a breaker, where they may change while calls use them.
//!
//! A seqlock. There are two sets of numbers, in turn, and one word, the plan, whose revision says
//! which of them is in force. A reader that loads the same plan before and after the numbers has seen one
//! revision. Readers never write, and never wait for a writer. A writer stores the next revision
//! into the set that is not in force, then the plan.
//!
//! The plan also says what a call has to do: to most calls it alone is enough.

use crate::{
    config::{Config, Trial},
    sync::{
        Lazy,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
        const_fn, zeros,
    },
    window::{Limits, Shape},
};

// Why not a lock, or a pointer that is swapped: a lock would be on the path of every call, and to
// free the old numbers of a pointer takes a reference count or an epoch for each reader. Two sets
// of sixteen words are 256 bytes, the second half of them from the first change on, and a reader
// writes nothing.
//
// A reader is disturbed only by the second change after its plan, which writes into the set it
// reads. It then sees another plan.
const WORDS: usize = Config::WORDS;

#[derive(Debug)]
pub(super) struct ConfigCell {
    // Most calls read this word alone.
    plan: AtomicU64,
    even: Set,
    /// Of the odd revisions.
    odd: Lazy<Set>,
}

type Set = [AtomicU64; WORDS];

/// ```text
/// 63          36 35         8 7             0
/// [ window      ][ revision  ][ tasks        ]
/// ```
///
/// What a call has to do, the revision of the numbers, and the number of the window's shape, which
/// changes where the window begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan(u64);

// Tasks. The lowest two bits are the kind of the window, see `Shape::KINDS`.
/// The clock is read when a call begins.
const TIMES_CALLS: u64 = 1 << 2;
/// Failures in the window are counted.
const FAILED: u64 = 1 << 3;
/// Slow calls in the window are counted.
const SLOW: u64 = 1 << 4;
/// Failures in a row are counted.
const IN_A_ROW: u64 = 1 << 5;
/// Every call is evaluated.
const EVERY_CALL: u64 = 1 << 6;
const REVISION_SHIFT: u32 = 8;
const TASKS: u64 = (1 << REVISION_SHIFT) - 1;
const WINDOW_SHIFT: u32 = 36;
const REVISIONS: u64 = (1 << (WINDOW_SHIFT - REVISION_SHIFT)) - 1;

// === impl ConfigCell ===

impl ConfigCell {
    const_fn! {
        pub(super) fn new(config: Config) -> Self {
            let w = config.pack();
            Self {
                plan: AtomicU64::new(Plan::new(&config, 0, 0).0),
                // One by one, as there is no other way to fill an array in a `const fn`.
                even: [
                    AtomicU64::new(w[0]), AtomicU64::new(w[1]), AtomicU64::new(w[2]), AtomicU64::new(w[3]),
                    AtomicU64::new(w[4]), AtomicU64::new(w[5]), AtomicU64::new(w[6]), AtomicU64::new(w[7]),
                    AtomicU64::new(w[8]), AtomicU64::new(w[9]), AtomicU64::new(w[10]), AtomicU64::new(w[11]),
                    AtomicU64::new(w[12]), AtomicU64::new(w[13]), AtomicU64::new(w[14]), AtomicU64::new(w[15]),
                ],
                odd: Lazy::new(),
            }
        }
    }

    #[inline]
    pub(super) fn plan(&self) -> Plan {
        // Acquire pairs with the Release in `change`: a thread that sees a plan sees its numbers.
        Plan(self.plan.load(Acquire))
    }

    /// All numbers, of one revision.
    pub(super) fn read(&self) -> (Plan, Config) {
        self.read_with(|plan| {
            Config::unpack(&self.set(plan).each_ref().map(|word| word.load(Acquire)))
        })
    }

    /// How many failures in a row open, 0 where they do not, and after how many ticks they are
    /// forgotten; of one revision.
    pub(super) fn row(&self) -> (Plan, (u32, u64)) {
        self.read_with(|plan| Config::unpack_row(|index| self.word(plan, index)))
    }

    /// The numbers by which a half-open breaker decides, of one revision.
    pub(super) fn trial(&self) -> (Plan, Trial) {
        self.read_with(|plan| Config::unpack_trial(|index| self.word(plan, index)))
    }

    #[inline]
    fn read_with<T>(&self, read: impl Fn(Plan) -> T) -> (Plan, T) {
        loop {
            let plan = self.plan();
            let numbers = read(plan);
            // The second load: if the plan is unchanged, all numbers are of its revision.
            if self.plan() == plan {
                return (plan, numbers);
            }
        }
    }

    /// The shape of a window of this kind, to be believed only if the plan holds afterwards.
    #[inline]
    pub(super) fn guess_shape(&self, plan: Plan, kind: u64) -> Option<Shape> {
        Shape::unpack(kind, |index| self.word(plan, index))
    }

    /// The limits of the window, to be believed only if the plan holds afterwards.
    #[inline]
    pub(super) fn guess_limits(&self, plan: Plan) -> Limits {
        Config::unpack_limits(|index| self.word(plan, index))
    }

    /// Puts other numbers into force. Only under the transition lock.
    pub(super) fn change(&self, to: &Config, window_begins: bool) {
        let plan = self.plan();
        // The window's number is in the plan because a call compares both in one load: a call that
        // has read the shape asks once more, just before it counts, whether that shape is still in
        // use.
        let window = plan.window() + u64::from(window_begins);
        let next = Plan::new(to, plan.revision() + 1, window);
        if next.is_odd() {
            self.odd.get_or_make(|| zeros!(WORDS));
        }
        // The next set is the one that is not in force, so no reader of the present plan is
        // disturbed.
        for (word, value) in self.set(next).iter().zip(to.pack()) {
            // Release: a reader of one of these that looks for the numbers of a revision two before
            // sees afterwards that its plan is no longer in force.
            word.store(value, Release);
        }
        // Release pairs with the Acquire in `plan`.
        self.plan.store(next.0, Release);
    }

    #[inline]
    fn word(&self, plan: Plan, index: usize) -> u64 {
        // Acquire pairs with the Release in `change`.
        self.set(plan)[index].load(Acquire)
    }

    #[inline]
    fn set(&self, plan: Plan) -> &Set {
        // Of an odd revision it exists. To make it here would be a call that may unwind, for which a healthy call keeps its token
        // in memory: 25 instructions more.
        if plan.is_odd() {
            if let Some(odd) = self.odd.get() {
                return odd;
            }
        }
        &self.even
    }
}

// === impl Plan ===

impl Plan {
    const fn new(config: &Config, revision: u64, window: u64) -> Self {
        let mut tasks = 0;
        if config.slow_after.is_some() {
            tasks |= TIMES_CALLS;
        }
        if config.in_a_row > 0 {
            tasks |= IN_A_ROW;
        }
        if let Some((shape, limits)) = config.window {
            // The kind of the window takes the lowest two bits, so a new kind needs no new task.
            tasks |= shape.kind();
            if limits.counts_failures() {
                tasks |= FAILED;
            }
            if limits.slow.is_some() {
                tasks |= SLOW;
            }
            if limits.every_call {
                tasks |= EVERY_CALL;
            }
        }
        Self(tasks | ((revision & REVISIONS) << REVISION_SHIFT) | (window << WINDOW_SHIFT))
    }

    /// Whether a call needs to know when it began.
    #[inline]
    pub(super) const fn times_calls(self) -> bool {
        self.0 & TIMES_CALLS != 0
    }

    /// Whether the failures in a row are all that a call may change.
    #[inline]
    pub(super) const fn has_no_window(self) -> bool {
        self.0 & Shape::KINDS == 0
    }

    /// Whether failures in a row are counted, and nothing else. One comparison.
    #[inline]
    pub(super) const fn counts_only_in_a_row(self) -> bool {
        self.0 & TASKS == IN_A_ROW
    }

    /// The kind of the window, if its failures are all that a call may change: no slow calls, no
    /// failures in a row, and no success that opens. Otherwise a number that is no kind.
    // One number for both questions: the match on the kind then answers them at once.
    #[inline]
    pub(super) const fn kind_of_failures(self) -> u64 {
        (self.0 & TASKS) ^ FAILED
    }

    /// Whether failures in a window of this kind are all that a call may change. One comparison.
    #[inline]
    pub(super) const fn counts_only_failures_in(self, kind: u64) -> bool {
        self.0 & TASKS == FAILED | kind
    }

    /// Whether both have the same window: the numbers may differ, but the shape does not.
    #[inline]
    pub(super) const fn has_window_of(self, other: Self) -> bool {
        self.0 >> WINDOW_SHIFT == other.0 >> WINDOW_SHIFT
    }

    /// The number of the next shape. It differs from that of every shape before, as far as a window
    /// can tell.
    #[expect(clippy::cast_possible_truncation, reason = "28 bits")]
    pub(super) const fn next_shape(self) -> u32 {
        self.window() as u32 + 1
    }

    #[inline]
    const fn is_odd(self) -> bool {
        self.revision() % 2 == 1
    }

    #[inline]
    const fn revision(self) -> u64 {
        (self.0 >> REVISION_SHIFT) & REVISIONS
    }

    // 28 bits: a number comes again after 268 million changes of the shape.
    const fn window(self) -> u64 {
        self.0 >> WINDOW_SHIFT
    }
}
