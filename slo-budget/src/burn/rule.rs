use std::time::Duration;

use crate::types::Factor;

/// A pair of windows that, burning together, close a gate: a share of the budget consumed within the long
/// one, with the short one to show that it still goes on.
///
/// It fires when both burn faster than `budget × period / long`, strictly (Google SRE Workbook, chapter 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub(crate) budget: Factor,
    pub(crate) long: Duration,
    pub(crate) short: Duration,
}

impl Page {
    /// The share `budget` (0.02 is 2 %) of the period's budget within `long`, still going on in `short`,
    /// which is usually a twelfth of it.
    #[must_use]
    pub const fn new(budget: Factor, long: Duration, short: Duration) -> Self {
        Self {
            budget,
            long,
            short,
        }
    }
}

/// A burn rate that a window must stay below, strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub(crate) window: Duration,
    pub(crate) below: Factor,
}

impl Limit {
    /// Over `window`, `below` this.
    #[must_use]
    pub const fn new(window: Duration, below: Factor) -> Self {
        Self { window, below }
    }
}
