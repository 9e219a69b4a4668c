//! What a gate decides beside the share: whether the budget is spent, for those who want that rule, and whether a
//! deployment may go ahead. Pure functions of the counts.
//!
//! The evidence guards a spent budget too, as one error in 500 events spends it twice over. The price: the gate
//! closes a few per cent after the end of the budget (5 % at 259 allowed bad events).

use crate::{
    burn::{LimitRule, Significance, Warning},
    gate::{NoData, Reason, Reasons, WhenSpent, rules::Rules},
    record::{SPAN, Settings, ledger::Whole},
    types::{Counts, Factor, few::Few},
};

/// The checked configuration of a gate. Lengths of time are in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(super) pace: Pace,
    pub(super) rules: Rules,
    pub(super) when_spent: WhenSpent,
    pub(super) limits: Few<LimitRule>,
    pub(super) significance: Significance,
    pub(super) no_data: NoData,
}

/// A share of the budget, and the ticks in which it may burn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) budget: Factor,
    pub(super) time: u64,
}

/// The ticks until the budget may be whole again, or an override without an end be over: `left` until the period of the
/// calendar ends, or the step in which the window of a sliding period moves. As good a guess as any.
pub(super) fn step(resolution: u64, left: Option<u64>) -> u64 {
    left.unwrap_or(resolution * u64::from(SPAN / 720))
}

/// A budget that was spent stays so down to this percentage of it, or the gate would swing about the line.
const OPENS_AT: u8 = 90;

impl Pace {
    /// The burn rate. `None` without a time, or if it does not fit.
    pub(super) fn factor(self, settings: &Settings) -> Option<Factor> {
        Factor::of_ticks(self.budget, settings.period, self.time)
    }

    /// The burn rate in thousandths, rounded down; at least 1, and at most half of that of a total outage.
    pub(super) fn fastest(self, settings: &Settings) -> u32 {
        let pace = (self.factor(settings)).map_or(u128::MAX, |pace| pace.times(1000));
        let (budget, of) = (settings.objective.budget(), settings.objective.of());
        let half_an_outage = (500 * u128::from(of)).checked_div(budget.into());
        let fastest = pace.min(half_an_outage.unwrap_or(u128::MAX));
        u32::try_from(fastest).unwrap_or(u32::MAX).max(1000)
    }
}

impl Policy {
    /// Follows the objective and the period of a budget that was reconfigured. What else there is of its settings cannot
    /// change, and limits are burn rates.
    pub(super) fn follow(&mut self, settings: &Settings) {
        self.rules.objective = settings.objective;
        self.rules.fastest = self.pace.fastest(settings);
    }

    /// Why all but the lowest share of optional requests is refused, given why it `was`.
    pub(super) fn strict(&self, was: Reasons, whole: &Whole) -> Reasons {
        match self.when_spent {
            WhenSpent::Refuse if self.is_spent(!was.is_empty(), whole) => {
                Reasons::NONE.with(Reason::BudgetSpent)
            }
            WhenSpent::Refuse | WhenSpent::Shed => Reasons::NONE,
        }
    }

    /// Why a deployment should be blocked.
    pub(super) fn deployment(&self, window: impl Fn(u64) -> Counts) -> Reasons {
        let (mut reasons, mut any_data) = (Reasons::NONE, false);
        for (n, limit) in self.limits.iter().enumerate() {
            let Some(limit) = limit else { continue };
            let Some(burn) = self.rules.objective.burn_rate(window(limit.window)) else {
                continue;
            };
            any_data = true;
            if burn >= limit.below {
                reasons = reasons.with(Reason::OverLimit(n));
            }
        }
        match self.no_data {
            NoData::Block if !any_data => reasons.with(Reason::NoData),
            NoData::Block | NoData::Allow => reasons,
        }
    }

    // Compares with the budget of a whole period at the traffic seen: `consumed × coverage >= 1`, which is
    // `consumed >= period / observed`. Compared with the traffic seen alone, ten bad seconds in the first hour of
    // a process would spend the budget many times over and close the gate for days.
    fn is_spent(&self, was: bool, whole: &Whole) -> bool {
        let (Some(burn), Some(line)) = (
            self.rules.objective.burn_rate(whole.counts),
            Factor::ratio(whole.length, whole.observed),
        ) else {
            return false;
        };
        if was {
            return burn > line.percent(OPENS_AT);
        }
        burn >= line && self.significance.holds(burn, self.significance.min_bad)
    }

    /// Warnings about the numbers of the gate.
    pub(super) fn warnings(&self, settings: &Settings) -> Vec<Warning> {
        let slices = settings.slices;
        (slices.and_then(|slices| Warning::few_slices(slices.length, self.rules.min_bad)))
            .into_iter()
            .collect()
    }
}
