use std::fmt;

/// Why a gate is closed, or a deployment is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The budget of the whole period is spent.
    BudgetSpent,
    /// The page with this index (from 0, in the order of [`GateBuilder::pages`](crate::GateBuilder::pages)) fires.
    Burning(usize),
    /// The burn rate is not below the limit with this index (from 0, in the order of
    /// [`GateBuilder::limits`](crate::GateBuilder::limits)).
    OverLimit(usize),
    /// Nothing was counted in any window of the limits, and [`NoData::Block`](crate::NoData::Block) is set.
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

/// A set of [`Reason`]s, in two bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons(u16);

const PAGES: usize = 1;
const LIMITS: usize = 5;
const NO_DATA: usize = 9;
const FORCED: usize = 10;

impl Reasons {
    pub(super) const NONE: Self = Self(0);

    /// Whether the set is empty: the gate is open.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set contains `reason`.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & Self::bit(reason) != 0
    }

    /// The reasons one by one.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        let all = std::iter::once(Reason::BudgetSpent)
            .chain((0..4).map(Reason::Burning))
            .chain((0..4).map(Reason::OverLimit))
            .chain([Reason::NoData, Reason::Forced]);
        all.filter(move |reason| self.contains(*reason))
    }

    pub(super) const fn with(self, reason: Reason) -> Self {
        Self(self.0 | Self::bit(reason))
    }

    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    pub(super) const fn of_bits(bits: u16) -> Self {
        Self(bits)
    }

    const fn bit(reason: Reason) -> u16 {
        let n = match reason {
            Reason::BudgetSpent => 0,
            Reason::Burning(page) if page < 4 => PAGES + page,
            Reason::OverLimit(limit) if limit < 4 => LIMITS + limit,
            // No such page or limit exists.
            Reason::Burning(_) | Reason::OverLimit(_) => return 0,
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
            Self::Burning(page) => write!(f, "it burns fast enough for page {}", page + 1),
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
        let all: Vec<_> = Reasons(u16::MAX).iter().collect();
        assert_eq!(all.len(), 11);
        for reason in &all {
            assert_eq!(
                Reasons::NONE.with(*reason).iter().collect::<Vec<_>>(),
                [*reason]
            );
        }
        for nothing in [
            Reason::Burning(4),
            Reason::OverLimit(4),
            Reason::OverLimit(usize::MAX),
        ] {
            assert!(Reasons::NONE.with(nothing).is_empty());
        }
    }
}
