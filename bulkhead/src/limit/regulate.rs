use std::time::Duration;

use super::{Adaptive, Limit, Window};
use crate::{observe::Figures, types::Outcome};

/// Keeps the limit of a bulkhead: [`Fixed`], or [`Adaptive`], which follows the calls.
///
/// Sealed. An algorithm of your own is a [`Limit`].
// A parameter of the shared state and not an enum in it: a fixed cap pays for no clock and for no word in its permit.
pub trait Regulate: sealed::Sealed + Sized {
    /// What a permit remembers of its start. Nothing where the limit is fixed.
    type Start: Copy;

    #[doc(hidden)]
    fn start(&self) -> Self::Start;

    #[doc(hidden)]
    fn reconfigured(&self, window: Duration);

    #[doc(hidden)]
    fn finished(&self, start: Self::Start, outcome: Outcome, of: &impl Limited);

    /// A call that ends now with the latency that it had at `end`.
    #[cfg(feature = "http-body")]
    #[doc(hidden)]
    fn finished_until(
        &self,
        start: Self::Start,
        end: Self::Start,
        outcome: Outcome,
        of: &impl Limited,
    );
}

/// The bulkhead whose limit is kept.
#[expect(
    unnameable_types,
    reason = "only `Regulate`, which is sealed, names it"
)]
pub trait Limited: Figures {
    /// Replaces the limit if it is still `was`. Wakes no waiter: [`resized`](Self::resized) must follow.
    fn replace_limit(&self, was: usize, next: usize) -> bool;

    /// Ends an override that has run out. To be called outside of all locks.
    fn end_override(&self) {}

    /// Whether a limit that an operator forced was in force since this was asked last. Called for each window that the law
    /// takes.
    fn take_was_forced(&self) -> bool {
        false
    }

    /// Tells the new limit and admits waiters that have a place now. To be called outside of all locks.
    fn resized(&self);
}

/// The limit changes only when it is set. Zero-sized; its permits read no clock.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Fixed;

impl Regulate for Fixed {
    type Start = ();

    #[inline]
    fn start(&self) {}

    fn reconfigured(&self, _: Duration) {}

    #[inline]
    fn finished(&self, (): (), _: Outcome, _: &impl Limited) {}

    #[cfg(feature = "http-body")]
    fn finished_until(&self, (): (), (): (), _: Outcome, _: &impl Limited) {}
}

/// For a choice at run time: a `Box<dyn Limit + Send>` may hold a fixed limit too.
impl Limit for Fixed {
    fn next(&mut self, window: &Window) -> usize {
        window.limit()
    }
}

mod sealed {
    use super::{Adaptive, Fixed, Limit};

    #[expect(unnameable_types, reason = "this is what seals `Regulate`")]
    pub trait Sealed {}
    impl Sealed for Fixed {}
    impl<L: Limit> Sealed for Adaptive<L> {}
}
