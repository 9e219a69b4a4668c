use std::fmt;

use crate::gate::law::{Figures, WHOLE};

/// Why a gate refuses requests, or a deployment is blocked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The budget of the whole period is spent, and [`WhenSpent::Refuse`](crate::WhenSpent::Refuse) is set.
    BudgetSpent,
    /// The budget burns, or just burned, faster than it may now.
    Burning {
        /// The burn rate that was allowed.
        pace: f64,
        /// The burn rate by what was asked of the service, when it was last too fast. Infinite at an objective of
        /// 100 %, and above four million.
        burn: f64,
        /// The share of optional requests that is admitted, from 0 to 1.
        share: f64,
    },
    /// The burn rate is not below the limit with this index (from 0, in the order of
    /// [`GateBuilder::limits`](crate::GateBuilder::limits)). Only of deployments.
    OverLimit(usize),
    /// Nothing was counted in any window of the limits, and [`NoData::Block`](crate::NoData::Block) is set. Only of
    /// deployments.
    NoData,
    /// An operator closed the gate, with an [`Override`](crate::Override).
    Forced,
}

/// Whether a deployment may go ahead. Returned by [`Gate::deploy`](crate::Gate::deploy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a decision has no effect of its own"]
pub enum Decision {
    /// Every burn rate is below its limit.
    Allow,
    /// The deployment is blocked for these reasons.
    Block(Reasons),
}

/// A set of [`Reason`]s, in 16 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons {
    set: u16,
    /// The numbers of [`Reason::Burning`], in millionths and thousandths.
    share: u32,
    figures: Figures,
}

const BURNING: usize = 1;
const LIMITS: usize = 2;
const NO_DATA: usize = 6;
const FORCED: usize = 7;

impl Reasons {
    pub(super) const NONE: Self = Self {
        set: 0,
        share: 0,
        figures: Figures { pace: 0, burn: 0 },
    };

    /// Without numbers that no reason of the set has.
    pub(super) const fn new(set: u16, share: u32, figures: Figures) -> Self {
        let numbers = Self {
            set,
            share,
            figures,
        };
        if numbers.is_burning() {
            numbers
        } else {
            Self { set, ..Self::NONE }
        }
    }

    /// Whether the set is empty: the gate is open.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.set == 0
    }

    /// Whether the set contains a reason of this kind; for [`Reason::OverLimit`] with this index. Other numbers do not
    /// matter.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.set & Self::bit(reason) != 0
    }

    /// Whether the set contains [`Reason::Burning`].
    #[must_use]
    pub const fn is_burning(self) -> bool {
        self.set & (1 << BURNING) != 0
    }

    /// The reasons one by one.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        let all = [Reason::BudgetSpent, self.burning()]
            .into_iter()
            .chain((0..4).map(Reason::OverLimit))
            .chain([Reason::NoData, Reason::Forced]);
        all.filter(move |reason| self.contains(*reason))
    }

    fn burning(self) -> Reason {
        let thousandths = |n| f64::from(n) / 1000.0;
        Reason::Burning {
            pace: thousandths(self.figures.pace),
            burn: match self.figures.burn {
                u32::MAX => f64::INFINITY,
                burn => thousandths(burn),
            },
            share: f64::from(self.share) / f64::from(WHOLE),
        }
    }

    pub(super) const fn with(self, reason: Reason) -> Self {
        Self {
            set: self.set | Self::bit(reason),
            ..self
        }
    }

    pub(super) const fn with_burning(self) -> Self {
        Self {
            set: self.set | 1 << BURNING,
            ..self
        }
    }

    pub(super) const fn bits(self) -> u16 {
        self.set
    }

    const fn bit(reason: Reason) -> u16 {
        let n = match reason {
            Reason::BudgetSpent => 0,
            Reason::Burning { .. } => BURNING,
            Reason::OverLimit(limit) if limit < 4 => LIMITS + limit,
            // No such limit exists.
            Reason::OverLimit(_) => return 0,
            Reason::NoData => NO_DATA,
            Reason::Forced => FORCED,
        };
        1 << n
    }
}

impl Decision {
    pub(super) const fn of(reasons: Reasons) -> Self {
        if reasons.is_empty() {
            Self::Allow
        } else {
            Self::Block(reasons)
        }
    }

    /// Whether it is [`Allow`](Self::Allow).
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allow)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Block(reasons) => write!(f, "block: {reasons}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BudgetSpent => f.write_str("the budget of the period is spent"),
            Self::Burning { pace, burn, share } => write!(
                f,
                "it burns at {burn:.1} where {pace:.1} is allowed, so {:.0} % are admitted",
                (share * 100.0).round().clamp(1.0, 99.0)
            ),
            Self::OverLimit(limit) => write!(f, "it burns faster than limit {}", limit + 1),
            Self::NoData => f.write_str("nothing was counted"),
            Self::Forced => f.write_str("an operator closed it"),
        }
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, reason) in self.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", " })?;
            reason.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_bit_to_itself() {
        let all: Vec<_> = Reasons::new(u16::MAX, WHOLE, Figures::default())
            .iter()
            .collect();
        assert_eq!(all.len(), 8);
        for reason in &all {
            let alone = Reasons::NONE.with(*reason);
            assert_eq!(alone.iter().count(), 1);
            assert!(alone.contains(*reason));
            assert_eq!(alone.is_burning(), matches!(reason, Reason::Burning { .. }));
        }
        for nothing in [Reason::OverLimit(4), Reason::OverLimit(usize::MAX)] {
            assert!(Reasons::NONE.with(nothing).is_empty());
        }
    }
}
