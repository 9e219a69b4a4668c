use std::sync::Arc;

use crate::{Bulkhead, Core, InvalidConfig, StaticBulkhead, sync::const_fn};

/// The numbers of a bulkhead. `Copy`, and usable in a `const`.
///
/// Made by [`Bulkhead::builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
pub struct Builder {
    limit: usize,
}

/// Twice the connections of a usual client pool (tokio-postgres pools, hyper per host): high enough to
/// stay out of the way, low enough that a hung dependency holds tens of calls, not thousands.
const DEFAULT_LIMIT: usize = 64;

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
        }
    }

    /// How many calls may be in flight at once: 1 or more, `usize::MAX` included. The default is 64.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Builds a bulkhead of its own, which shares places with no other.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0.
    pub fn build(self, name: &'static str) -> Result<Bulkhead, InvalidConfig> {
        match self.problem() {
            Some(problem) => Err(problem),
            None => Ok(Bulkhead(Arc::new(Core::new(name, self.limit)))),
        }
    }

    const_fn! {
        /// Builds a bulkhead for a `static`.
        ///
        /// # Panics
        ///
        /// On what [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_bulkhead::{Bulkhead, StaticBulkhead};
        /// static NONE: StaticBulkhead = Bulkhead::builder().limit(0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticBulkhead {
            if let Some(problem) = self.problem() {
                panic!("{}", problem.message());
            }
            Bulkhead(Core::new(name, self.limit))
        }
    }

    const fn problem(self) -> Option<InvalidConfig> {
        if self.limit == 0 {
            Some(InvalidConfig::ZeroLimit)
        } else {
            None
        }
    }
}
