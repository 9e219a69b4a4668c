use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::ratio::{Core, RetryBudget, StaticRetryBudget, credit::Terms},
    builder::builder,
    sync::const_fn,
    types::{InvalidConfig, InvalidConfigKind, Name, Object},
};

builder! {
    /// The numbers of a [`RetryBudget`]. `Copy`, and usable in a `const`.
    ///
    /// Made by [`RetryBudget::builder`]. The defaults are Finagle's: a fifth of the calls, ten retries a second in
    /// addition, a ttl of ten seconds.
    pub struct BudgetBuilder named "retry budget" derive(Clone, Copy, Debug, PartialEq) {
        ratio: f64 = 0.2,
        floor_per_second: u32 = 10,
        #[cfg_attr(feature = "serde", serde(with = "crate::duration"))]
        ttl: Duration = Duration::from_secs(10),
    }
}

impl BudgetBuilder {
    pub(super) const fn new() -> Self {
        Self(Numbers::new())
    }

    /// The retries that a call pays for when it reaches the service: from 0 to 10, rounded to a ten-thousandth. The
    /// default is 0.2.
    ///
    /// With 0.2, five calls pay for one retry. With 2.0, each call pays for two.
    #[doc(alias("retry_percent", "percentCanRetry"))]
    pub const fn ratio(mut self, ratio: f64) -> Self {
        self.0.ratio = ratio;
        self
    }

    /// The retries a second that are granted without any calls: at most 1,000,000, and 0 is legal. The default is
    /// 10.
    ///
    /// A client with little traffic, or one that has just started, needs them. They are saved up for one ttl, and a
    /// new budget begins with that number.
    #[doc(alias("min_per_sec", "minRetriesPerSec"))]
    pub const fn floor_per_second(mut self, retries: u32) -> Self {
        self.0.floor_per_second = retries;
        self
    }

    /// How long credit can be used: from one second to ten minutes. The default is ten seconds.
    ///
    /// Exact to a sixteenth: a deposit expires between 15/16 of the ttl and the ttl, never later.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.0.ttl = ttl;
        self
    }

    /// The terms of the budget, or of the family, of this name.
    pub(super) fn terms(self, name: &'static str) -> Result<Terms, InvalidConfig> {
        let checked = self.0.check();
        checked.map_err(|kind| kind.of(Object::Budget, name))
    }

    /// For a family, which has no place for the terms.
    #[cfg(feature = "family")]
    pub(in crate::budget) fn check_for(self, name: &'static str) -> Result<(), InvalidConfig> {
        self.terms(name).map(drop)
    }

    /// Builds a new budget, which shares its credit with no other.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a number is out of the range that its method names.
    pub fn build(self, name: impl Into<Name>) -> Result<RetryBudget, InvalidConfig> {
        let name = name.into().as_str();
        let core = Core::made_at(name, self.terms(name)?, Instant::now());
        Ok(RetryBudget::of(Arc::new(core)))
    }

    const_fn! {
        /// Builds a budget for a `static`. Its time begins with its first use.
        ///
        /// # Panics
        ///
        /// If [`build`](Self::build) would return an error. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_retry::{RetryBudget, StaticRetryBudget};
        /// static NONE: StaticRetryBudget = RetryBudget::builder().ratio(-1.0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticRetryBudget {
            match self.0.check() {
                Ok(terms) => RetryBudget::of(Core::new(name, terms)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }
}

// === impl Numbers ===

impl Numbers {
    const fn check(self) -> Result<Terms, InvalidConfigKind> {
        Terms::new(self.ratio, self.floor_per_second, self.ttl)
    }
}
