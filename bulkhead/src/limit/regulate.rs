use crate::{Builder, Core, Limit, Outcome, Window};

/// What keeps the limit of a bulkhead: nobody ([`Fixed`]), or what is learnt from its calls.
///
/// Sealed, as its parts are the crate's own; an algorithm of your own is a [`Limit`](crate::Limit).
pub trait Regulate: sealed::Sealed + Sized {
    /// What a permit remembers of its beginning: nothing, where nobody learns from it.
    type Start: Copy;

    #[doc(hidden)]
    fn start(&self) -> Self::Start;

    #[doc(hidden)]
    fn reconfigured(&self, numbers: Builder);

    #[doc(hidden)]
    fn finished(core: &Core<Self>, start: Self::Start, outcome: Outcome);
}

/// The limit that was set stays until it is set anew. Zero-sized, and its permits read no clock.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct Fixed;

impl Regulate for Fixed {
    type Start = ();

    fn start(&self) {}

    fn reconfigured(&self, _: Builder) {}

    fn finished(core: &Core, (): (), outcome: Outcome) {
        match outcome {
            Outcome::Overload => core.overloaded(),
            Outcome::Success | Outcome::Ignored => {}
        }
    }
}

/// Where the choice is made at run time, `Box<dyn Limit + Send>` may hold a fixed limit too.
impl Limit for Fixed {
    fn next(&mut self, window: &Window) -> usize {
        window.limit()
    }
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "this is what seals `Regulate`")]
    pub trait Sealed {}
    impl Sealed for super::Fixed {}
    impl<L: crate::Limit> Sealed for crate::Adaptive<L> {}
}
