use std::time::Duration;

use crate::{
    budget::{ErrorBudget, Settings},
    builder::{DEFAULT_WINDOWS, Few, check_window, few},
    burn::{Limit, Page},
    gate::{
        Gate, NoData,
        policy::{LimitRule, PageRule, Policy},
    },
    types::{Counts, Factor, InvalidConfig, duration::ticks},
};

/// The numbers of a gate. `Copy`, and usable in a `const`.
///
/// Made by [`Gate::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct GateBuilder {
    admission: Admission,
    pages: Option<Few<Page>>,
    limits: Option<Few<Limit>>,
    min_bad: u64,
    min_bad_to_page: u64,
    evidence: f64,
    reopen_percent: u8,
    one_probe_in: u32,
    no_data: NoData,
}

/// What closes a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// The budget of the period is spent, or a [page](GateBuilder::pages) fires. The default.
    Budget,
    /// A deployment would be blocked: a burn rate is not below its [limit](GateBuilder::limits).
    ///
    /// Without the guards against low traffic. It locks itself shut easily, as what is refused does not
    /// dilute the errors: one error in 3,000 events burns 0.33 over 24 h, where less than 0.2 is asked.
    Deploy,
}

/// Of the Workbook's pages (table 5-8): per cent of the budget, slots of the long and the short window.
const DEFAULT_PAGES: [(u32, u32, u32); 2] = [(2, 360, 30), (5, 2160, 180)];
/// 1.0 over 1 h, 0.5 over 6 h, 0.2 over 24 h, in tenths.
const DEFAULT_LIMITS: [u32; 3] = [10, 5, 2];

impl GateBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            admission: Admission::Budget,
            pages: None,
            limits: None,
            // One error says nothing; a second might be chance too, hence the evidence; to page, one more.
            min_bad: 2,
            min_bad_to_page: 3,
            evidence: 0.01,
            reopen_percent: 90,
            one_probe_in: 50,
            no_data: NoData::Allow,
        }
    }

    /// What closes it. The default is [`Admission::Budget`].
    pub const fn admission(self, admission: Admission) -> Self {
        Self { admission, ..self }
    }

    /// The pairs of windows that close it, at most four. The default are the two of the Workbook that page:
    /// 2 % of the budget in 1 h, still burning over 5 m (at 30 days a factor of 14.4), and 5 % in 6 h, over
    /// 30 m (6); the hour being 360 slots of the budget's resolution.
    pub const fn pages<const N: usize>(self, pages: [Page; N]) -> Self {
        Self {
            pages: Some(few(pages)),
            ..self
        }
    }

    /// The limits of [`Gate::deploy`], at most four. The default is below 1.0 over 1 h, 0.5 over 6 h and
    /// 0.2 over 24 h; the hour being 360 slots of the budget's resolution.
    pub const fn limits<const N: usize>(self, limits: [Limit; N]) -> Self {
        Self {
            limits: Some(few(limits)),
            ..self
        }
    }

    /// How many bad events the period must hold before the budget counts as spent: the default is 2.
    pub const fn min_bad(self, events: u64) -> Self {
        Self {
            min_bad: events,
            ..self
        }
    }

    /// How many bad events the long window must hold before a page fires: the default is 3.
    pub const fn min_bad_to_page(self, events: u64) -> Self {
        Self {
            min_bad_to_page: events,
            ..self
        }
    }

    /// How likely so many bad events may at most be by chance, for it to close: `P(X >= bad)` where the
    /// objective is just met. The default is 0.01; above 0, and at most 0.5.
    pub const fn evidence(self, at_most: f64) -> Self {
        Self {
            evidence: at_most,
            ..self
        }
    }

    /// What closed it keeps it closed until it is at or below so many per cent of its line, so that it does
    /// not flap: the default is 90, and 1 to 100 are legal.
    pub const fn reopen_percent(self, percent: u8) -> Self {
        Self {
            reopen_percent: percent,
            ..self
        }
    }

    /// While it is closed, one optional request in so many is admitted as a probe, evenly spread: the
    /// default is 50, so 2 %. With 1 nothing is ever refused. In any case one in 6 slots (1 m at 10 s), if
    /// so many come.
    pub const fn one_probe_in(self, requests: u32) -> Self {
        Self {
            one_probe_in: requests,
            ..self
        }
    }

    /// What [`Gate::deploy`] makes of no data in any of its windows. The default is [`NoData::Allow`].
    pub const fn no_data(self, no_data: NoData) -> Self {
        Self { no_data, ..self }
    }

    /// Builds a gate on `budget`, and on all its clones.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a page or limit can never fire at the budget's objective, or fires while the
    /// budget lasts; when a window is longer than the period or shorter than two slots; when there are more
    /// than four; when a number is out of the range that its setter names.
    pub fn build(self, budget: ErrorBudget) -> Result<Gate, InvalidConfig> {
        let policy = self.policy(budget.core().settings())?;
        Ok(Gate::of(budget, &policy, self.one_probe_in))
    }

    /// With those pages only that are of use to this budget.
    pub(crate) fn build_what_fits(mut self, budget: ErrorBudget) -> Result<Gate, InvalidConfig> {
        let settings = budget.core().settings();
        self.pages =
            Some(Some(default_pages(settings.resolution).map(|page| {
                page.filter(|page| page_rule(*page, settings).is_ok())
            })));
        self.build(budget)
    }

    pub(crate) fn policy(self, settings: &Settings) -> Result<Policy, InvalidConfig> {
        if self.one_probe_in == 0 {
            return Err(InvalidConfig::NoProbes);
        }
        // Written so that a NaN is refused.
        if !(self.evidence > 0.0 && self.evidence <= 0.5) {
            return Err(InvalidConfig::Evidence);
        }
        if !(1..=100).contains(&self.reopen_percent) {
            return Err(InvalidConfig::Reopen);
        }
        if self.min_bad == 0 || self.min_bad_to_page == 0 {
            return Err(InvalidConfig::ZeroMinBad);
        }
        let asked = match self.pages {
            None => default_pages(settings.resolution),
            Some(pages) => pages.ok_or(InvalidConfig::TooMany)?,
        };
        let mut pages = [None; 4];
        for (to, page) in pages.iter_mut().zip(asked) {
            *to = page.map(|page| page_rule(page, settings)).transpose()?;
        }
        let mut limits = [None; 4];
        match self.limits {
            None => {
                for ((to, slots), tenths) in
                    limits.iter_mut().zip(DEFAULT_WINDOWS).zip(DEFAULT_LIMITS)
                {
                    // The rings reach so far whatever the period is; of long slices there are none in a short window.
                    let window = u64::from(slots) * settings.resolution;
                    let slice = settings.slices.map_or(0, |slices| slices.length);
                    *to = Factor::new(tenths, 10)
                        .filter(|_| window / 2 >= slice)
                        .map(|below| LimitRule { window, below });
                }
            }
            Some(asked) => {
                for (to, limit) in limits.iter_mut().zip(asked.ok_or(InvalidConfig::TooMany)?) {
                    *to = limit.map(|limit| limit_rule(limit, settings)).transpose()?;
                }
            }
        }
        Ok(Policy {
            objective: settings.objective,
            resolution: settings.resolution,
            slices: settings.slices,
            admission: self.admission,
            pages,
            limits,
            min_bad: self.min_bad,
            min_bad_to_page: self.min_bad_to_page,
            evidence: self.evidence,
            reopen_percent: self.reopen_percent,
            no_data: self.no_data,
        })
    }
}

fn default_pages(resolution: u64) -> [Option<Page>; 4] {
    let mut pages = [None; 4];
    for (to, (percent, long, short)) in pages.iter_mut().zip(DEFAULT_PAGES) {
        let slots = |n: u32| Duration::from_nanos(u64::from(n) * resolution);
        *to = Factor::new(percent, 100).map(|budget| Page::new(budget, slots(long), slots(short)));
    }
    pages
}

fn page_rule(page: Page, settings: &Settings) -> Result<PageRule, InvalidConfig> {
    let (long, short) = (ticks(page.long), ticks(page.short));
    check_window(long, settings)?;
    check_window(short, settings)?;
    if short >= long {
        return Err(InvalidConfig::ShortNotShorter);
    }
    let factor =
        Factor::of_ticks(page.budget, settings.period, long).ok_or(InvalidConfig::PageFactor)?;
    if factor.terms().0 <= factor.terms().1 {
        return Err(InvalidConfig::FiresInBudget);
    }
    if !outage(settings).is_some_and(|burn| burn > factor) {
        return Err(InvalidConfig::NeverFires);
    }
    Ok(PageRule {
        long,
        short,
        factor,
    })
}

fn limit_rule(limit: Limit, settings: &Settings) -> Result<LimitRule, InvalidConfig> {
    let window = ticks(limit.window);
    check_window(window, settings)?;
    if limit.below.terms().0 == 0 {
        return Err(InvalidConfig::ZeroLimit);
    }
    if !outage(settings).is_some_and(|burn| burn >= limit.below) {
        return Err(InvalidConfig::NeverFires);
    }
    Ok(LimitRule {
        window,
        below: limit.below,
    })
}

/// The greatest burn rate there can be: everything bad.
pub(crate) const fn outage(settings: &Settings) -> Option<crate::types::BurnRate> {
    settings.objective.burn_rate(Counts::new(0, 1))
}
