use std::{fmt, sync::Arc};

use crate::{
    limit::Regulate,
    state::{Core, Pointer},
    types::Outcome,
};

/// A place in a [`Bulkhead`](crate::Bulkhead), or several. Dropping it gives them back, also during a panic.
///
/// A method that consumes the permit reports how the call went. A permit that is dropped reports nothing: a cancelled call
/// is no sign of an overload.
// The bound stands on the struct because `Drop` needs it.
//
// No `#[inline]` on `drop` and `finish`: it puts them into the paths of unwinding too, the caller becomes too large to be
// inlined itself, and a call in and out takes 63 and 47 instructions instead of 35.
#[must_use = "dropping the permit at once gives the place back before the call"]
pub struct Permit<P: Pointer = Arc<Core>> {
    core: P,
    start: Start<P>,
}

/// Nothing for a fixed limit: its permit is its pointer.
pub(crate) type Start<P> = <<P as Pointer>::Regulator as Regulate>::Start;

impl<P: Pointer> Permit<P> {
    /// `core` must have admitted a caller once for this permit.
    pub(crate) fn new(core: P) -> Self {
        let start = core.core().regulator().start();
        Self { core, start }
    }

    pub(crate) fn core(&self) -> &Core<P::Regulator> {
        self.core.core()
    }

    pub(crate) fn places(&self) -> u32 {
        self.core.places()
    }

    /// The call succeeded. Gives the place back.
    pub fn success(self) {
        self.finish(Outcome::Success);
    }

    /// The call met an overload, counted in [`Bulkhead::overloads`](crate::Bulkhead::overloads). Gives the place back.
    pub fn overload(self) {
        self.finish(Outcome::Overload);
    }

    /// The call says nothing about load. Gives the place back, as dropping does.
    pub fn ignore(self) {
        self.finish(Outcome::Ignored);
    }

    /// Reports how the call went, as a value. Gives the place back.
    pub fn finish(self, outcome: Outcome) {
        // `drop` gives the place back after this.
        self.core().finish(self.start, outcome);
    }

    /// Counts the latency of the call from now on, for an adaptive limit. Before, it counts from the admission.
    ///
    /// For a call whose beginning is not the dependency's: a client that uploads its request body slowly. Without an
    /// adaptive limit this does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn upload() -> Vec<u8> { Vec::new() }
    /// # async fn store(_: Vec<u8>) {}
    /// use maestro_bulkhead::{Aimd, Bulkhead};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let files = Bulkhead::builder().limit(8).build_adaptive("files", Aimd::new())?;
    /// let mut permit = files.try_acquire()?;
    /// let body = upload().await; // as slow as the client is
    /// permit.restart_clock();
    /// store(body).await;
    /// permit.success();
    /// # Ok(())
    /// # }
    /// ```
    pub fn restart_clock(&mut self) {
        self.start = self.core().regulator().start();
    }

    /// Reports how the call went, and keeps the place.
    #[cfg(feature = "http-body")]
    pub(crate) fn report(&self, outcome: Outcome) {
        self.core().finish(self.start, outcome);
    }

    /// This moment, for [`report_until`](Self::report_until).
    #[cfg(feature = "http-body")]
    pub(crate) fn now(&self) -> Start<P> {
        self.core().regulator().start()
    }

    /// Reports how the call went, with the latency that it had at `end`, and keeps the place.
    #[cfg(feature = "http-body")]
    pub(crate) fn report_until(&self, end: Start<P>, outcome: Outcome) {
        self.core().finish_until(self.start, end, outcome);
    }
}

impl<P: Pointer> Drop for Permit<P> {
    fn drop(&mut self) {
        self.core.core().release(self.core.places());
    }
}

impl<P: Pointer> fmt::Debug for Permit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(self.core()).finish()
    }
}
