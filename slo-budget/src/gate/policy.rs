//! Whether a gate should be open: a pure function of the counts and of the last decision.
//!
//! The evidence guards a spent budget too, as one error in 500 events spends it twice over. The price: the gate
//! closes a few per cent after the end of the budget (5 % at 259 allowed bad events).
//!
//! In the first hours of a process the page of 6 h fires before that of 1 h, as its window holds no more. Rejected:
//! scaling the factor by the coverage. A broken deployment would then close nothing in its first minutes.
//!
//! `tests/simulation.rs` plays the policy through.

use crate::{
    burn::{LimitRule, Rule, Significance, Warning},
    gate::{Admission, NoData, Reason, Reasons},
    record::{SPAN, Settings, ledger::Whole},
    types::{BurnRate, Counts, Factor, Objective, few::Few},
};

/// The checked configuration of a gate. Lengths of time are in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(super) objective: Objective,
    pub(super) resolution: u64,
    pub(super) admission: Admission,
    pub(super) pages: Few<Rule>,
    pub(super) limits: Few<LimitRule>,
    pub(super) significance: Significance,
    pub(super) reopen_percent: u8,
    pub(super) no_data: NoData,
}

impl Policy {
    /// Why the gate should be closed, given why it `was` closed. `whole` has the figures of the period, and
    /// `window` counts the events in a window.
    pub(super) fn admission(
        &self,
        was: Reasons,
        whole: &Whole,
        window: impl Fn(u64) -> Counts,
    ) -> Reasons {
        match self.admission {
            Admission::Budget => {
                let mut now = Reasons::NONE;
                if self.is_spent(was.contains(Reason::BudgetSpent), whole) {
                    now = now.with(Reason::BudgetSpent);
                }
                let burn = |length| self.objective.burn_rate(window(length));
                for (n, page) in self.pages.iter().enumerate() {
                    let Some(page) = page else { continue };
                    let reason = Reason::Burning(n);
                    let (long, short) = (burn(page.long), burn(page.short));
                    if self.is_burning(page, was.contains(reason), long, short) {
                        now = now.with(reason);
                    }
                }
                now
            }
            Admission::Deploy => self.over_limits(was, window).0,
        }
    }

    /// Why a deployment should be blocked.
    pub(super) fn deployment(&self, window: impl Fn(u64) -> Counts) -> Reasons {
        let (reasons, any_data) = self.over_limits(Reasons::NONE, window);
        match self.no_data {
            NoData::Block if !any_data => reasons.with(Reason::NoData),
            NoData::Block | NoData::Allow => reasons,
        }
    }

    /// The ticks until the errors that close the gate have left the shortest window that holds them. A hint, as
    /// there may be more errors. `left` is the time until the period of the calendar ends.
    pub(super) fn retry_after(&self, reasons: Reasons, left: Option<u64>) -> u64 {
        // The window of a sliding period moves in steps of the coarsest ring.
        let step = self.resolution * u64::from(SPAN / 720);
        let wait = |reason| match reason {
            Reason::BudgetSpent => left.unwrap_or(step),
            // As good a guess as any for an override without an end; the caller knows the end if there is one.
            Reason::Forced => step,
            Reason::Burning(n) => self.pages[n].map_or(0, |page| page.short),
            Reason::OverLimit(n) => self.limits[n].map_or(0, |limit| limit.window),
            Reason::NoData => 0,
        };
        reasons.iter().map(wait).max().unwrap_or(0)
    }

    // Compares with the budget of a whole period at the traffic seen: `consumed × coverage >= 1`, which is
    // `consumed >= period / observed`. Compared with the traffic seen alone, ten bad seconds in the first hour of
    // a process would spend the budget many times over and close the gate for days.
    fn is_spent(&self, was: bool, whole: &Whole) -> bool {
        let (Some(burn), Some(line)) = (
            self.objective.burn_rate(whole.counts),
            Factor::ratio(whole.length, whole.observed),
        ) else {
            return false;
        };
        if was {
            return burn > line.percent(self.reopen_percent);
        }
        burn >= line && self.significance.holds(burn, self.significance.min_bad)
    }

    fn is_burning(
        &self,
        page: &Rule,
        was: bool,
        long: Option<BurnRate>,
        short: Option<BurnRate>,
    ) -> bool {
        if was {
            // Without data in the short window the present is unknown: the decision holds until a probe ends, or
            // the long window is empty too.
            let line = page.factor.percent(self.reopen_percent);
            return Rule::burns(line, long, short).unwrap_or(long.is_some());
        }
        let min_bad = self.significance.min_bad_to_page;
        page.fires(long, short, &self.significance, min_bad) == Some(true)
    }

    /// The limits that are exceeded, and whether any window has data.
    fn over_limits(&self, was: Reasons, window: impl Fn(u64) -> Counts) -> (Reasons, bool) {
        let mut now = Reasons::NONE;
        let mut any_data = false;
        for (n, limit) in self.limits.iter().enumerate() {
            let Some(limit) = limit else { continue };
            let Some(burn) = self.objective.burn_rate(window(limit.window)) else {
                continue;
            };
            any_data = true;
            let reason = Reason::OverLimit(n);
            if limit.is_exceeded(burn, was.contains(reason), self.reopen_percent) {
                now = now.with(reason);
            }
        }
        (now, any_data)
    }

    /// Warnings about the rules that close the gate.
    pub(super) fn warnings(&self, settings: &Settings) -> Vec<Warning> {
        let mut warnings = Vec::new();
        match self.admission {
            Admission::Budget => {
                let min_bad = self.significance.min_bad_to_page;
                for (index, page) in self.pages.iter().enumerate() {
                    let Some(page) = page else { continue };
                    page.warnings(index, settings, &self.significance, min_bad, &mut warnings);
                }
            }
            Admission::Deploy => {
                for (index, limit) in self.limits.iter().enumerate() {
                    let Some(limit) = limit else { continue };
                    limit.warnings(index, settings, &mut warnings);
                }
            }
        }
        warnings
    }
}
