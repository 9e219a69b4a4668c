//! How many permits are out: the only shared state of a bulkhead, in one word.
//!
//! The property that chose the design: a permit is taken by one read-modify-write that also checks the
//! limit, so the limit is never exceeded, not even for a moment; and a refusal only reads, so that
//! callers who are turned away do not slow down those who are inside. (`fetch_add` and take back
//! exceeds for a moment, refuses a call that had room meanwhile, and writes twice for a refusal.)

use crate::sync::{
    atomic::{
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
    const_fn,
};

/// The count of permits that are out.
#[derive(Debug)]
pub(crate) struct Permits {
    held: AtomicUsize,
}

impl Permits {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { held: AtomicUsize::new(0) }
        }
    }

    /// Takes a permit while fewer than `limit` are out; else says how many are.
    pub(crate) fn try_acquire(&self, limit: usize) -> Result<(), usize> {
        // Relaxed: a guess, which the compare-and-swap below confirms or corrects. A refusal decides
        // on it alone: it was true at some moment of this call, which is all a refusal can claim.
        let mut held = self.held.load(Relaxed);
        loop {
            if held >= limit {
                return Err(held);
            }
            // Acquire pairs with the Release in `release`: who gets a place sees all that its former
            // holder did there. `held + 1` cannot overflow: it is at most `limit`.
            match self
                .held
                .compare_exchange_weak(held, held + 1, Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(seen) => held = seen,
            }
        }
    }

    /// Gives a permit back. Only a `Permit` may call it, once: that is what keeps the count above zero.
    pub(crate) fn release(&self) {
        // Release pairs with the Acquire in `try_acquire`.
        let before = self.held.fetch_sub(1, Release);
        debug_assert_ne!(before, 0, "a permit was given back twice");
    }

    /// How many permits are out.
    pub(crate) fn held(&self) -> usize {
        // Relaxed: a figure to look at; nothing is read on the strength of it.
        self.held.load(Relaxed)
    }
}
