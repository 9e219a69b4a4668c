use std::fmt;

/// One reason why a gate is closed, or a deployment blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The budget of the whole period is spent.
    BudgetSpent,
    /// The page of this index (from 0, in the order of [`GateBuilder::pages`](crate::GateBuilder::pages)) fires.
    Burning(usize),
    /// The burn rate is not below the limit of this index (from 0, in the order of
    /// [`GateBuilder::limits`](crate::GateBuilder::limits)).
    OverLimit(usize),
    /// Nothing was counted in any window of the limits, and [`NoData::Block`](crate::NoData::Block) is chosen.
    NoData,
    /// An operator closed the gate, with an [`Override`](crate::Override).
    Forced,
}

/// A set of [`Reason`]s, in two bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons(u16);

const PAGES: usize = 1;
const LIMITS: usize = 5;
const NO_DATA: usize = 9;
const FORCED: usize = 10;

impl Reasons {
    /// None.
    pub(crate) const NONE: Self = Self(0);

    /// Whether there is none: the gate is open.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `reason` is among them.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & Self::bit(reason) != 0
    }

    /// One by one.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        let all = std::iter::once(Reason::BudgetSpent)
            .chain((0..4).map(Reason::Burning))
            .chain((0..4).map(Reason::OverLimit))
            .chain([Reason::NoData, Reason::Forced]);
        all.filter(move |reason| self.contains(*reason))
    }

    pub(crate) const fn with(self, reason: Reason) -> Self {
        Self(self.0 | Self::bit(reason))
    }

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    pub(crate) const fn of_bits(bits: u16) -> Self {
        Self(bits)
    }

    const fn bit(reason: Reason) -> u16 {
        let n = match reason {
            Reason::BudgetSpent => 0,
            Reason::Burning(page) if page < 4 => PAGES + page,
            Reason::OverLimit(limit) if limit < 4 => LIMITS + limit,
            // There is no such page or limit.
            Reason::Burning(_) | Reason::OverLimit(_) => return 0,
            Reason::NoData => NO_DATA,
            Reason::Forced => FORCED,
        };
        1 << n
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
    fn each_reason_stands_for_itself_and_for_no_other() {
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
