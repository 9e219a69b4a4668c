//! What is legal and probably not meant.

use std::{fmt, time::Duration};

use crate::{
    alerts::Alerts,
    budget::{ErrorBudget, Settings},
    burn::significance::is_unlikely,
    gate::{Admission, Gate},
    record::budgeting_method::SliceRule,
    types::{Counts, Factor, Objective, duration::Spoken},
};

/// Something in a configuration that works, and hardly as it was meant: to be said in a log when a service starts. (What cannot work at all is
/// refused with an [`InvalidConfig`](crate::InvalidConfig).)
///
/// Given by [`ErrorBudget::warnings`], [`Gate::warnings`] and [`Alerts::warnings`]. Its `Display` is a sentence that says what to do.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The objective is 100 %.
    NoBudget,
    /// The objective is 0 %.
    EverythingIsAllowed,
    /// A window holds so few slots (or slices) that it falls short by much.
    FewSlots {
        /// The window.
        window: Duration,
        /// How many it holds.
        slots: u64,
    },
    /// Two windows of a pair (or of a report) hold the same slots, and so say the same.
    SameSlots {
        /// The longer one.
        long: Duration,
        /// The shorter one.
        short: Duration,
    },
    /// A page or rule fires only when more than half of all events are bad.
    OnlyInOutage {
        /// Which, from 0 on.
        index: usize,
        /// The share of bad events from which on it fires.
        error_rate: f64,
    },
    /// One bad event fires a page or rule, or exceeds a limit that closes a gate.
    OneErrorFires {
        /// Which, from 0 on.
        index: usize,
        /// In how many events one is enough.
        up_to: u64,
    },
}

/// A window of fewer falls short by more than a sixth.
const FEW: u64 = 6;

// === where they come from ===

impl ErrorBudget {
    /// What is legal in the configuration and probably not meant.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let settings = self.core().settings();
        let objective = settings.objective;
        let mut warnings = Vec::new();
        if objective.budget() == 0 {
            warnings.push(Warning::NoBudget);
        } else if objective.budget() == objective.of() {
            warnings.push(Warning::EverythingIsAllowed);
        }
        let windows: Vec<_> = settings.windows.into_iter().flatten().collect();
        for (n, window) in windows.iter().enumerate() {
            warnings.extend(few(*window, settings));
            warnings.extend(
                windows[..n]
                    .iter()
                    .filter_map(|other| same(*other, *window, settings)),
            );
        }
        warnings
    }
}

impl Gate {
    /// What is legal in the configuration of the gate and probably not meant. Those of its budget are the budget's.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let (policy, settings) = (self.policy(), self.budget().core().settings());
        let mut warnings = Vec::new();
        match policy.admission {
            Admission::Budget => {
                for (index, page) in policy.pages.iter().enumerate() {
                    let Some(page) = page else { continue };
                    let pair = Pair {
                        index,
                        long: page.long,
                        short: page.short,
                        factor: page.factor,
                        min_bad: policy.min_bad_to_page,
                        evidence: policy.evidence,
                    };
                    pair.look(settings, &mut warnings);
                }
            }
            Admission::Deploy => {
                for (index, limit) in policy.limits.iter().enumerate() {
                    let Some(limit) = limit else { continue };
                    warnings.extend(few(limit.window, settings));
                    // Without guards, and reached where it is equal.
                    let up_to = up_to(|n| {
                        burns(settings.objective, n).is_some_and(|burn| burn >= limit.below)
                    });
                    warnings.extend(one_error(index, up_to));
                }
            }
        }
        warnings
    }
}

impl Alerts {
    /// What is legal in the rules and probably not meant. Those of their budget are the budget's.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let settings = self.budget().core().settings();
        let rules = self.rules();
        let mut warnings = Vec::new();
        for (index, rule) in rules.list.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let pair = Pair {
                index,
                long: rule.long,
                short: rule.short,
                factor: rule.factor,
                min_bad: rules.min_bad_of(rule.severity),
                evidence: rules.evidence,
            };
            pair.look(settings, &mut warnings);
        }
        warnings
    }
}

/// A page or a rule.
struct Pair {
    index: usize,
    long: u64,
    short: u64,
    factor: Factor,
    min_bad: u64,
    evidence: f64,
}

impl Pair {
    fn look(&self, settings: &Settings, warnings: &mut Vec<Warning>) {
        let objective = settings.objective;
        warnings.extend(few(self.short, settings));
        warnings.extend(same(self.long, self.short, settings));
        let error_rate = self.factor.as_f64() * objective.budget_share();
        if error_rate > 0.5 {
            warnings.push(Warning::OnlyInOutage {
                index: self.index,
                error_rate,
            });
        }
        // Of a ratio one bad event is a part of a slice, and no evidence.
        let is_ratio = matches!(settings.slices, Some(SliceRule { target: None, .. }));
        if self.min_bad == 1 && !is_ratio {
            let up_to = up_to(|n| {
                burns(objective, n).is_some_and(|burn| burn > self.factor)
                    && is_unlikely(objective, Counts::new(n - 1, 1), self.evidence)
            });
            warnings.extend(one_error(self.index, up_to));
        }
    }
}

/// One bad of `n` events.
fn burns(objective: Objective, n: u64) -> Option<crate::types::BurnRate> {
    objective.burn_rate(Counts::new(n.checked_sub(1)?, 1))
}

fn one_error(index: usize, up_to: u64) -> Option<Warning> {
    (up_to > 0).then_some(Warning::OneErrorFires { index, up_to })
}

/// The largest number of events for which `fires`; it does for all smaller ones (but 0).
fn up_to(fires: impl Fn(u64) -> bool) -> u64 {
    let (mut yes, mut no) = (0, u64::MAX);
    if fires(no) {
        return no;
    }
    while no - yes > 1 {
        let middle = yes + (no - yes) / 2;
        if fires(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    yes
}

const fn unit(settings: &Settings) -> u64 {
    match &settings.slices {
        Some(slices) => slices.length,
        None => settings.resolution,
    }
}

fn few(window: u64, settings: &Settings) -> Option<Warning> {
    let slots = window / unit(settings);
    (slots < FEW).then_some(Warning::FewSlots {
        window: Duration::from_nanos(window),
        slots,
    })
}

fn same(one: u64, other: u64, settings: &Settings) -> Option<Warning> {
    let unit = unit(settings);
    let (long, short) = (one.max(other), one.min(other));
    (long.div_ceil(unit) == short.div_ceil(unit)).then_some(Warning::SameSlots {
        long: Duration::from_nanos(long),
        short: Duration::from_nanos(short),
    })
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoBudget => f.write_str(
                "at 100 % there is no budget: one bad event is infinitely many; set an objective that can be missed",
            ),
            Self::EverythingIsAllowed => f.write_str(
                "at 0 % everything is allowed, so nothing ever fires; set an objective that can be met",
            ),
            Self::FewSlots { window, slots } => write!(
                f,
                "a window of {} holds {slots} slots or slices and falls short by up to one of them; lengthen it, or choose a finer resolution",
                Spoken(window)
            ),
            Self::SameSlots { long, short } => write!(
                f,
                "windows of {} and {} hold the same slots or slices, so the shorter one says nothing of its own; let them be further apart",
                Spoken(long),
                Spoken(short)
            ),
            Self::OnlyInOutage { index, error_rate } => write!(
                f,
                "number {} fires only when more than {:.1} % of all events are bad; lower its share of the budget, or set the objective higher",
                index + 1,
                error_rate * 100.0
            ),
            Self::OneErrorFires { index, up_to } => write!(
                f,
                "one bad event of up to {up_to} fires number {}; ask for more bad events, or expect it in low traffic",
                index + 1
            ),
        }
    }
}
