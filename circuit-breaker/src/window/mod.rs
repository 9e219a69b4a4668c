//! Which calls the ratios look at, and what was counted of them.
//!
//! A call needs two methods: [`record`](Windows::record) and, where it only reads,
//! [`is_unchanged_by_success`](Windows::is_unchanged_by_success). [`counts`](Windows::counts) is for
//! snapshots and for a call that finds other numbers, [`begin`](Windows::begin) for a transition,
//! [`leave`](Windows::leave), [`allocate`](Windows::allocate) and [`reshape`](Windows::reshape) for a reconfiguration. What a window is made of, its words and their
//! orderings, is known to the file of its kind alone.
//!
//! A new kind is one more file, one more variant of [`Shape`], and its constructor in
//! `config/window.rs`. No `match` on a shape has a wildcard, so the compiler names each place that
//! needs an arm, but for `Shape::unpack`, which matches a number.
//!
//! A window belongs to a generation of the state machine, and begins empty with each. It also
//! begins empty when a reconfiguration changes its [`Shape`]. To carry the calls over was tried and
//! given up: two rings in turn, a pass that cut one into the other, and a lock for the calls that
//! ended meanwhile, for a case that happens a few times a year.

mod count;
mod limits;
#[cfg(all(test, loom))]
mod tests;
mod time;

use self::{count::CountWindow, time::TimeWindow};
pub(crate) use self::{
    count::{LastCalls, MAX_CALLS},
    limits::Limits,
    time::Grid,
};
use crate::sync::{Lazy, const_fn};

/// The storage of every kind, as far as it was needed. The [`Shape`] says which one counts.
// Each kind is an allocation of its own: most breakers of a family have one, and none with consecutive failures. It is made
// in advance ([`allocate`](Windows::allocate)), but for a breaker in a `static`, which makes it at the first call that is
// recorded in it. The other way to store less, an enum of the kinds, has no room for a reconfiguration to another kind while
// calls use the one before. Nothing is freed before the breaker.
#[derive(Debug)]
pub(crate) struct Windows {
    time: TimeWindow,
    count: Lazy<CountWindow>,
}

/// Which window counts, and how it is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Time(Grid),
    Calls(LastCalls),
}

/// How a call ended that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

/// Which bad calls are counted, and which calls are compared with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tracked {
    // Booleans and not the ratios: on the path of a success the ratios are not read.
    failed: bool,
    slow: bool,
    /// Every call, or only those that are bad themselves.
    every_call: bool,
}

/// The calls in a window, and how many of them were bad in one respect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) calls: u32,
    pub(crate) bad: u32,
}

/// What a window holds: failures among its calls, and slow calls. A ratio that is not configured is
/// not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) failed: Share,
    pub(crate) slow: Share,
}

// === impl Windows ===

impl Windows {
    /// The only kind whose window a success may leave
    /// [unchanged](Self::is_unchanged_by_success).
    pub(crate) const UNCHANGED_KIND: u64 = Shape::CALLS;

    const_fn! {
        pub(crate) fn new() -> Self {
            Self { time: TimeWindow::new(), count: Lazy::new() }
        }
    }

    /// Makes what this shape needs, unless it exists.
    pub(crate) fn allocate(&self, shape: Shape, tracked: Tracked) {
        match shape {
            Shape::Time(_) => self.time.allocate(tracked),
            Shape::Calls(last) => self.made_count().allocate(last),
        }
    }

    // A window that was just made is that of the first generation and of the first shape: `begin` makes the one of every
    // other.
    #[inline]
    fn made_count(&self) -> &CountWindow {
        self.count.get_or_make(CountWindow::new)
    }

    /// Counts a call that ended `at` in the window of `generation`, if `is_current` says that this
    /// window is still in use.
    ///
    /// Returns what the window then holds, as far as the call is compared with it. `None` if
    /// another generation, or another shape, has begun.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the usual configuration is a constant of the caller, which removes most of this"
    )]
    pub(crate) fn record(
        &self,
        shape: Shape,
        tracked: Tracked,
        generation: u32,
        ended: Ended,
        at: u64,
        is_current: impl Fn() -> bool + Copy,
    ) -> Option<Counts> {
        // A match and not a trait object: it is inlined, and the caller has read the kind anyway.
        match shape {
            Shape::Time(grid) => {
                (self.time).record(grid.step(at, generation), tracked, ended, is_current)
            }
            Shape::Calls(last) => {
                (self.made_count()).record(last, generation, tracked, ended, is_current)
            }
        }
    }

    /// What the window of `generation` holds at `now`.
    pub(crate) fn counts(
        &self,
        shape: Shape,
        tracked: Tracked,
        generation: u32,
        now: u64,
    ) -> Counts {
        match shape {
            Shape::Time(grid) => self.time.counts(grid.step(now, generation), tracked),
            Shape::Calls(last) => (self.count.get()).map_or_else(Counts::default, |count| {
                count.counts(last, generation, tracked)
            }),
        }
    }

    /// Empties the window for `generation`, which is about to begin. Only under the transition
    /// lock.
    pub(crate) fn begin(&self, shape: Shape, generation: u32) {
        match shape {
            // A generation's steps begin beyond those of the one before: nothing has to be cleared.
            Shape::Time(_) => {}
            Shape::Calls(last) => self.made_count().begin(last, generation),
        }
    }

    /// Takes a shape out of use at `now`. Only under the transition lock.
    pub(crate) fn leave(&self, shape: Shape, generation: u32, now: u64) {
        match shape {
            Shape::Time(grid) => self.time.leave(grid.step(now, generation)),
            // The shape that follows has another number, which makes another series of it.
            Shape::Calls(_) => {}
        }
    }

    /// Prepares an empty window of another shape for the generation that goes on. Returns the shape
    /// under which it is empty. `number` differs from that of every shape before. Only under the
    /// transition lock, and before the shape is published.
    pub(crate) fn reshape(&self, to: Shape, number: u32, generation: u32, now: u64) -> Shape {
        match to {
            Shape::Time(grid) => Shape::Time(self.time.beyond(grid, generation, now)),
            Shape::Calls(last) => {
                let last = last.numbered(number);
                self.made_count().begin(last, generation);
                Shape::Calls(last)
            }
        }
    }

    /// Whether one more success would leave the window of `generation` as it is: then it need not
    /// be recorded. If so the window is still in use, because it begins anew before the state word
    /// and before the configuration.
    #[inline]
    pub(crate) fn is_unchanged_by_success(&self, shape: Shape, generation: u32) -> bool {
        match shape {
            Shape::Time(_) => false,
            Shape::Calls(last) => {
                (self.count.get()).is_some_and(|count| count.is_full_and_clean(last, generation))
            }
        }
    }
}

// === impl Shape ===

impl Shape {
    /// The words that hold a shape, beside its kind.
    const WORDS: usize = 3;
    /// The bits of a kind. 0 is no window. The bits above them have another meaning in the tasks of
    /// the plan and in the word of the window (`state/config_cell.rs`, `config/packed.rs`).
    pub(crate) const KINDS: u64 = 0b11;
    const TIME: u64 = 1;
    const CALLS: u64 = 2;

    #[inline]
    pub(crate) const fn kind(self) -> u64 {
        match self {
            Self::Time(_) => Self::TIME,
            Self::Calls(_) => Self::CALLS,
        }
    }

    pub(crate) const fn pack(self) -> [u64; Self::WORDS] {
        match self {
            Self::Time(grid) => grid.pack(),
            Self::Calls(last) => last.pack(),
        }
    }

    /// The shape of this kind, from the words that it needs.
    #[inline]
    pub(crate) fn unpack(kind: u64, word: impl Fn(usize) -> u64) -> Option<Self> {
        match kind {
            Self::TIME => Some(Self::Time(Grid::unpack(word))),
            Self::CALLS => Some(Self::Calls(LastCalls::unpack(word))),
            _ => None,
        }
    }

    /// Whether a call needs a time to be counted.
    #[inline]
    pub(crate) const fn needs_time(self) -> bool {
        match self {
            Self::Time(_) => true,
            Self::Calls(_) => false,
        }
    }

    /// How far back a window of time looks, in ticks.
    pub(crate) const fn length(self) -> Option<u64> {
        match self {
            Self::Time(grid) => Some(grid.window()),
            Self::Calls(_) => None,
        }
    }

    /// Whether both are windows of the same kind and length.
    pub(crate) fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Time(one), Self::Time(other)) => one.is_like(other),
            (Self::Calls(one), Self::Calls(other)) => one.is_like(other),
            (Self::Time(_) | Self::Calls(_), _) => false,
        }
    }
}

// === impl Ended ===

impl Ended {
    pub(crate) const WELL: Self = Self {
        failed: false,
        slow: false,
    };
    pub(crate) const FAILED: Self = Self {
        failed: true,
        slow: false,
    };

    /// As far as it is counted.
    #[inline]
    const fn of(self, tracked: Tracked) -> Self {
        Self {
            failed: tracked.failed && self.failed,
            slow: tracked.slow && self.slow,
        }
    }
}

// === impl Tracked ===

impl Tracked {
    /// Failures alone, compared when a call fails: the usual configuration.
    pub(crate) const FAILURES: Self = Self {
        failed: true,
        slow: false,
        every_call: false,
    };

    pub(crate) const fn has_ratios_of(self, other: Self) -> bool {
        self.failed == other.failed && self.slow == other.slow
    }

    /// The ratios with which a call that ended so is compared.
    #[inline]
    const fn compared(self, ended: Ended) -> Self {
        Self {
            failed: self.failed && (ended.failed || self.every_call),
            slow: self.slow && (ended.slow || self.every_call),
            ..self
        }
    }
}

// === impl Counts ===

impl Counts {
    /// The calls in the window. Where both ratios are counted they are the same calls; one that is
    /// just being recorded may be in one of the two.
    pub(crate) const fn calls(self) -> u32 {
        if self.failed.calls > self.slow.calls {
            self.failed.calls
        } else {
            self.slow.calls
        }
    }
}
