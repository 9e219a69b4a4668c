//! How many members of a family are open at a time.
//!
//! A member that a failure opens takes a place first. If as many are open as may be, it finds none,
//! stays closed, and keeps what it has counted. It holds the place while it rejects calls (open,
//! half-open, forced open) and gives it back when it closes, or is evicted. How many members there
//! are, how many places are taken and the limit are one word, so that of two members that open at
//! once, or of one that opens while another is evicted, the second sees what the first did.

use std::sync::Arc;

use super::{StateMachine, word::Phase};
use crate::sync::{
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
    const_fn,
};
#[cfg(feature = "family")]
use crate::types::Key;

/// The places of a family.
///
/// ```text
/// 63      56 55             28 27              0
/// [ percent ][ members        ][ places taken  ]
/// ```
///
/// 28 bits each: as many members take 600 GB.
#[derive(Debug)]
pub(crate) struct OpenLimit(AtomicU64);

/// What a breaker knows of its family.
#[derive(Debug)]
pub(super) struct Membership {
    /// `None` outside of a family.
    limit: Option<Arc<OpenLimit>>,
    /// How often a call would have opened this breaker.
    kept_closed: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Places(u64);

const PLACE: u64 = 1;
const MEMBER: u64 = 1 << MEMBERS_SHIFT;
const MEMBERS_SHIFT: u32 = 28;
const COUNT_MASK: u64 = MEMBER - 1;
const PERCENT_SHIFT: u32 = 2 * MEMBERS_SHIFT;
const PERCENT_MASK: u64 = !0 << PERCENT_SHIFT;

// === impl OpenLimit ===

// AcqRel: a place is given back after the word of its member has left the state that rejects, and
// taken before the word of the next enters it. A thread that sees the second member open also sees
// the first one closed.
impl OpenLimit {
    const_fn! {
        pub(crate) fn none() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Lets at most `percent` of a hundred members be open from now on: 1 to 100.
    pub(crate) fn set(&self, percent: u8) {
        let percent = u64::from(percent) << PERCENT_SHIFT;
        self.change(|Places(word)| Some(Places(word & !PERCENT_MASK | percent)));
    }

    /// One member more, which is closed.
    pub(crate) fn join(&self) {
        self.0.fetch_add(MEMBER, AcqRel);
    }

    /// One member less, with its place if it holds one. Not if more would then be open than may be.
    pub(crate) fn leave(&self, holds_place: bool) -> bool {
        let place = if holds_place { PLACE } else { 0 };
        self.change(|Places(word)| {
            let left = Places(word - MEMBER - place);
            left.are_within_limit().then_some(left)
        })
    }

    /// Takes a place if there is one.
    fn try_take(&self) -> bool {
        self.change(|Places(word)| {
            let taken = Places(word + PLACE);
            taken.are_within_limit().then_some(taken)
        })
    }

    /// Takes a place for an operator, also beyond the limit.
    fn take(&self) {
        self.0.fetch_add(PLACE, AcqRel);
    }

    pub(crate) fn give_back(&self) {
        self.0.fetch_sub(PLACE, AcqRel);
    }

    fn is_full(&self) -> bool {
        !Places(self.0.load(Acquire) + PLACE).are_within_limit()
    }

    fn change(&self, to: impl Fn(Places) -> Option<Places>) -> bool {
        (self.0)
            .fetch_update(AcqRel, Acquire, |word| {
                to(Places(word)).map(|Places(word)| word)
            })
            .is_ok()
    }
}

// === impl Places ===

impl Places {
    /// Whether no more are taken than the limit allows: its percentage of the members, rounded down,
    /// but one of two or more in any case, and never all.
    const fn are_within_limit(self) -> bool {
        let percent = self.0 >> PERCENT_SHIFT;
        let members = (self.0 >> MEMBERS_SHIFT) & COUNT_MASK;
        let taken = self.0 & COUNT_MASK;
        let is_in_share = taken <= 1 || taken * 100 <= members * percent;
        percent == 0 || taken == 0 || taken < members && is_in_share
    }
}

// === impl Membership ===

impl Membership {
    const_fn! {
        pub(super) fn none() -> Self {
            Self { limit: None, kept_closed: AtomicU64::new(0) }
        }
    }

    pub(super) fn of(limit: Arc<OpenLimit>) -> Self {
        Self {
            limit: Some(limit),
            ..Self::none()
        }
    }

    /// Whether a member that holds no place would find none.
    pub(super) fn is_full(&self) -> bool {
        (self.limit.as_ref()).is_some_and(|limit| limit.is_full())
    }

    /// Takes a place for this breaker, which holds none. Outside of a family there always is one.
    pub(super) fn try_take(&self) -> bool {
        (self.limit.as_ref()).is_none_or(|limit| limit.try_take())
    }

    /// Before a state is entered that is an operator's decision: it is not refused.
    pub(super) fn enters_by_operator(&self, from: Phase, to: Phase) {
        if let (Some(limit), false, true) = (&self.limit, from.takes_place(), to.takes_place()) {
            limit.take();
        }
    }

    /// After any state was left.
    pub(super) fn left(&self, from: Phase, to: Phase) {
        if let (Some(limit), true, false) = (&self.limit, from.takes_place(), to.takes_place()) {
            limit.give_back();
        }
    }

    pub(super) fn kept_closed(&self) -> u64 {
        // Relaxed: for people.
        self.kept_closed.load(Relaxed)
    }
}

// === impl StateMachine ===

impl StateMachine {
    /// As a member of the family of `limit`, with its key if that is shown.
    #[cfg(feature = "family")]
    pub(crate) fn in_family(self, limit: Arc<OpenLimit>, key: Option<Key>) -> Self {
        Self {
            membership: Membership::of(limit),
            observers: match key {
                Some(key) => self.observers.of_key(key),
                None => self.observers,
            },
            ..self
        }
    }

    /// Whether it holds a place. Only of a breaker that no other thread has.
    pub(crate) fn holds_place(&self) -> bool {
        self.state.load().phase().takes_place()
    }

    /// Counts a call that would have opened the breaker.
    pub(super) fn keep_closed(&self) {
        // Relaxed: a count for people, and nothing else.
        self.membership.kept_closed.fetch_add(1, Relaxed);
        (self.observers.meter()).kept_closed(|| self.state());
    }
}
