use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::{Core, RetryBudget, StaticRetryBudget, ratio::terms::Terms},
    sync::const_fn,
    types::InvalidConfig,
};

/// The numbers of a [`RetryBudget`]. `Copy`, and usable in a `const`.
///
/// Made by [`RetryBudget::builder`]. The defaults are Finagle's: a fifth of the calls, ten retries a second
/// besides, a ttl of ten seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
pub struct BudgetBuilder {
    pub(crate) ratio: f64,
    pub(crate) floor: u32,
    pub(crate) ttl: Duration,
}

impl BudgetBuilder {
    // Finagle's `RetryBudget()`: 20 percent, 10 a second, 10 s.
    pub(crate) const fn new() -> Self {
        Self {
            ratio: 0.2,
            floor: 10,
            ttl: Duration::from_secs(10),
        }
    }

    /// How many retries each call pays for: from 0 to 10, taken to a ten-thousandth. The default is 0.2.
    ///
    /// With 0.2, five calls pay for one retry; with 2.0, each call pays for two.
    pub const fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// How many retries a second are paid for besides, without any calls: at most 1,000,000; 0 is legal.
    /// The default is 10.
    ///
    /// It is what a client with little traffic, or one that has just started, lives on. It is saved up for
    /// one ttl, and a new budget has that much.
    pub const fn floor_per_second(mut self, retries: u32) -> Self {
        self.floor = retries;
        self
    }

    /// How long what was paid in can be used: from one second to ten minutes. The default is ten seconds.
    ///
    /// Exact to a sixteenth: a deposit expires between 15/16 of the ttl and the ttl, never later.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Builds a budget of its own, which shares credit with no other.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of the range its method names.
    pub fn build(self, name: &'static str) -> Result<RetryBudget, InvalidConfig> {
        let core = Core::made_at(name, self.terms()?, Instant::now());
        Ok(RetryBudget(Arc::new(core)))
    }

    const_fn! {
        /// Builds a budget for a `static`. Its time begins with its first use.
        ///
        /// # Panics
        ///
        /// On what [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_retry::{RetryBudget, StaticRetryBudget};
        /// static NONE: StaticRetryBudget = RetryBudget::builder().ratio(-1.0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticRetryBudget {
            match self.terms() {
                Ok(terms) => RetryBudget(Core::new(name, terms)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }

    const fn terms(self) -> Result<Terms, InvalidConfig> {
        Terms::new(self.ratio, self.floor, self.ttl)
    }
}
