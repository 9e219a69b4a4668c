//! What ends a call: its record, and the drop of its pointer.

// A call costs half as much if its future stays in registers. For that, what ends it must not take
// the token by reference, and must not unwind: either makes the compiler keep the future, the
// token and the result in memory, in three copies each. So the functions below take parts by
// value, stay out of line, and contain a panic. (A recorder of metrics, a subscriber of events or the
// drop of what a listener captured may panic; the panic hook has reported it, and the call has ended
// all the same.)
//
// `extern "C"` is what tells the compiler so: a function of that ABI cannot unwind. A plain
// function that contains its panics was tried and is not recognised, and a healthy call through an
// `Arc` then takes 101 instructions instead of 51.

use std::{borrow::Borrow, mem, thread};

use tokio::time::Instant;

use super::Core;
use crate::{
    observe::{Begun, contained},
    state::Admission,
    types::{End, Outcome},
};

pub(super) const SUCCESS: End = End::Finished(Outcome::Success);

/// A pointer that is dropped by value. The drop of an `Arc` takes it by reference.
pub(super) struct ByValue<P>(
    /// `None` only while it is dropped.
    Option<P>,
);

// === impl ByValue ===

impl<P> ByValue<P> {
    #[inline]
    pub(super) const fn new(pointer: P) -> Self {
        Self(Some(pointer))
    }

    #[inline]
    pub(super) const fn get(&self) -> &P {
        self.0.as_ref().expect("there until it is dropped")
    }

    #[inline]
    pub(super) const fn take(&mut self) -> Option<P> {
        self.0.take()
    }
}

impl<P> Drop for ByValue<P> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    fn drop(&mut self) {
        if let Some(pointer) = self.0.take() {
            release(pointer);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the token stays in registers")]
pub(super) fn release<P>(pointer: P) {
    if mem::needs_drop::<P>() {
        drop_out_of_line(pointer);
    }
}

#[inline(never)]
extern "C" fn drop_out_of_line<P>(pointer: P) {
    contained(|| drop(pointer));
}

// Not by `record`: with a constant the compiler leaves out what only a failure needs.
#[inline(never)]
#[expect(
    improper_ctypes_definitions,
    reason = "the ABI is chosen because it cannot unwind; only Rust calls this"
)]
pub(super) extern "C" fn record_success<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    now: impl Fn() -> Instant + Copy,
) {
    contained(|| core.borrow().record(admission, begun, SUCCESS, now));
}

#[inline(never)]
#[expect(improper_ctypes_definitions, reason = "as above")]
pub(super) extern "C" fn record<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    end: End,
    now: impl Fn() -> Instant + Copy,
) {
    contained(|| core.borrow().record(admission, begun, end, now));
}

#[cold]
#[inline(never)]
#[expect(improper_ctypes_definitions, reason = "as above")]
pub(super) extern "C" fn cancel<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    now: impl Fn() -> Instant + Copy,
) {
    let end = if thread::panicking() {
        End::Finished(Outcome::Failure)
    } else {
        End::Cancelled
    };
    contained(|| core.borrow().record_dropped(admission, begun, end, now));
}
