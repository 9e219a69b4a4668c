//! Whether a gate should be open: a pure function of the counts and of what it was before.

use crate::{
    burn::significance::is_unlikely,
    gate::{Admission, NoData, Reason, Reasons},
    record::{
        budgeting_method::{SliceRule, trials},
        ledger::Whole,
        rings::SPAN,
    },
    types::{BurnRate, Counts, Factor, Objective},
};

/// What a gate's builder has checked, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) objective: Objective,
    pub(crate) resolution: u64,
    pub(crate) slices: Option<SliceRule>,
    pub(crate) admission: Admission,
    pub(crate) pages: [Option<PageRule>; 4],
    pub(crate) limits: [Option<LimitRule>; 4],
    pub(crate) min_bad: u64,
    pub(crate) min_bad_to_page: u64,
    pub(crate) evidence: f64,
    pub(crate) reopen_percent: u8,
    pub(crate) no_data: NoData,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRule {
    pub(crate) long: u64,
    pub(crate) short: u64,
    pub(crate) factor: Factor,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitRule {
    pub(crate) window: u64,
    pub(crate) below: Factor,
}

impl Policy {
    /// Why the gate should be closed, having been closed for `was`, with these figures of the period; `window` counts.
    pub(crate) fn admission(
        &self,
        was: Reasons,
        whole: &Whole,
        window: impl Fn(u64) -> Counts,
    ) -> Reasons {
        match self.admission {
            Admission::Budget => {
                let mut now = Reasons::NONE;
                let spent = Reason::BudgetSpent;
                if self.is_spent(was.contains(spent), whole) {
                    now = now.with(spent);
                }
                for (n, page) in self.pages.iter().enumerate() {
                    let Some(page) = page else { continue };
                    let (reason, long) = (Reason::Burning(n), window(page.long));
                    if self.is_burning(page, was.contains(reason), long, window(page.short)) {
                        now = now.with(reason);
                    }
                }
                now
            }
            Admission::Deploy => self.over_limits(was, window).0,
        }
    }

    /// Why a deployment should be blocked.
    pub(crate) fn deployment(&self, window: impl Fn(u64) -> Counts) -> Reasons {
        let (reasons, any_data) = self.over_limits(Reasons::NONE, window);
        match self.no_data {
            NoData::Block if !any_data => reasons.with(Reason::NoData),
            NoData::Block | NoData::Allow => reasons,
        }
    }

    /// How long what closes the gate takes to leave the shortest window that holds it: a hint, as errors
    /// may go on. In ticks, as is what is `left` of a period of the calendar.
    pub(crate) fn retry_after(&self, reasons: Reasons, left: Option<u64>) -> u64 {
        // By so much, a slot of the coarsest ring, the window of a period that slides moves on.
        let step = self.resolution * u64::from(SPAN / 720);
        let wait = |reason| match reason {
            Reason::BudgetSpent => left.unwrap_or(step),
            // Without an end that is as good a guess as any; of one with an end the caller knows better.
            Reason::Forced => step,
            Reason::Burning(n) => self.pages[n].map_or(0, |page| page.short),
            Reason::OverLimit(n) => self.limits[n].map_or(0, |limit| limit.window),
            Reason::NoData => 0,
        };
        reasons.iter().map(wait).max().unwrap_or(0)
    }

    // Against the budget of a whole period at the traffic seen so far: `consumed × coverage >= 1`, that is
    // `consumed >= period / observed`. Against what was seen alone, ten bad seconds in the first hour of a
    // process would be a budget spent many times over, and shut the gate for days.
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
        burn >= line && self.is_evident(whole.counts, self.min_bad)
    }

    fn is_burning(&self, page: &PageRule, was: bool, long: Counts, short: Counts) -> bool {
        let above = |counts: Counts, line: Factor| Some(self.objective.burn_rate(counts)? > line);
        if was {
            // Without data in the short window nothing is known about now: what was decided holds until
            // a probe says more, or the long window is empty too.
            let line = page.factor.percent(self.reopen_percent);
            return above(long, line).unwrap_or(false) && above(short, line).unwrap_or(true);
        }
        above(long, page.factor).unwrap_or(false)
            && above(short, page.factor).unwrap_or(false)
            && self.is_evident(long, self.min_bad_to_page)
    }

    /// Not just the one error that any service has.
    fn is_evident(&self, counts: Counts, min_bad: u64) -> bool {
        let trials = trials(self.slices, counts);
        trials.bad >= min_bad && is_unlikely(self.objective, trials, self.evidence)
    }

    /// The limits that are exceeded, and whether there was any data.
    fn over_limits(&self, was: Reasons, window: impl Fn(u64) -> Counts) -> (Reasons, bool) {
        let mut now = Reasons::NONE;
        let mut any_data = false;
        for (n, limit) in self.limits.iter().enumerate() {
            let Some(limit) = limit else { continue };
            let Some(burn) = BurnRate::new(self.objective, window(limit.window)) else {
                continue;
            };
            any_data = true;
            let reason = Reason::OverLimit(n);
            let over = if was.contains(reason) {
                burn > limit.below.percent(self.reopen_percent)
            } else {
                burn >= limit.below
            };
            if over {
                now = now.with(reason);
            }
        }
        (now, any_data)
    }
}
