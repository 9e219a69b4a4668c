//! Configurations that are legal and probably not intended.

use std::{fmt, time::Duration};

use crate::{
    burn::{Rule, Significance, significance::is_unlikely},
    record::{Settings, budgeting_method::SliceRule},
    types::{BurnRate, Counts, InvalidConfigKind, Objective, duration::Spoken},
};

/// A configuration that works, but probably not as intended. Log it when the service starts. (A configuration that
/// cannot work is refused with an [`InvalidConfig`](crate::InvalidConfig).)
///
/// Returned by [`ErrorBudget::warnings`](crate::ErrorBudget::warnings), [`Gate::warnings`](crate::Gate::warnings) and
/// [`Alerts::warnings`](crate::Alerts::warnings). Its `Display` is a sentence that says what to do.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The objective is 100 %.
    NoBudget,
    /// The objective is 0 %.
    EverythingIsAllowed,
    /// A window holds so few slots (or slices) that it falls short by more than a sixth.
    FewSlots {
        /// The window.
        window: Duration,
        /// How many slots it holds.
        slots: u64,
    },
    /// Two windows of a pair (or of a report) hold the same slots, and so show the same.
    SameSlots {
        /// The longer one.
        long: Duration,
        /// The shorter one.
        short: Duration,
    },
    /// A page or rule fires only when more than half of all events are bad.
    OnlyInOutage {
        /// The index of the page or rule, from 0.
        index: usize,
        /// It fires above this share of bad events.
        error_rate: f64,
    },
    /// One bad event fires a page or rule.
    OneErrorFires {
        /// The index of the page or rule, from 0.
        index: usize,
        /// It fires if there are at most this many events.
        up_to: u64,
    },
    /// The budget was reconfigured, and its gate or alerts no longer fit: building them now would be refused for this
    /// reason. A limit or rule that is out of reach never acts.
    BudgetChanged(InvalidConfigKind),
    /// A gate looks back for ten minutes, and fewer slices than it needs bad ones end in them.
    NeverRefuses {
        /// The time of the slices that it needs.
        needed: Duration,
    },
}

/// A window of fewer slots falls short by more than a sixth.
const FEW: u64 = 6;
/// The longest window that lets a gate refuse requests, in ticks.
const LONGEST_OF_GATES: u64 = 600_000_000_000;

/// Warnings about the windows of a report, and about the objective.
pub(crate) fn of_windows(settings: &Settings) -> Vec<Warning> {
    let objective = settings.objective;
    let mut warnings = Vec::new();
    if objective.budget() == 0 {
        warnings.push(Warning::NoBudget);
    } else if objective.budget() == objective.of() {
        warnings.push(Warning::EverythingIsAllowed);
    }
    let windows: Vec<_> = settings.windows.into_iter().flatten().collect();
    for (n, window) in windows.iter().enumerate() {
        warnings.extend(few_slots(*window, settings));
        let others = windows[..n].iter();
        warnings.extend(others.filter_map(|other| same_slots(*other, *window, settings)));
    }
    warnings
}

impl Rule {
    /// Warnings about this rule, the one with this index.
    pub(crate) fn warnings(
        &self,
        index: usize,
        settings: &Settings,
        significance: &Significance,
        min_bad: u64,
        warnings: &mut Vec<Warning>,
    ) {
        let objective = settings.objective;
        warnings.extend(few_slots(self.short, settings));
        warnings.extend(same_slots(self.long, self.short, settings));
        let error_rate = self.factor.as_f64() * objective.budget_share();
        if error_rate > 0.5 {
            warnings.push(Warning::OnlyInOutage { index, error_rate });
        }
        // One bad event of a ratio is a part of a slice, and no evidence.
        let is_ratio = matches!(settings.slices, Some(SliceRule { target: None, .. }));
        if min_bad == 1 && !is_ratio {
            let up_to = up_to(|n| {
                one_bad_of(objective, n).is_some_and(|burn| burn > self.factor)
                    && is_unlikely(objective, Counts::new(n - 1, 1), significance.evidence)
            });
            warnings.extend(one_error(index, up_to));
        }
    }
}

impl Warning {
    /// A warning if `min_bad` slices do not fit into the time that a gate looks back.
    pub(crate) fn few_slices(slice: u64, min_bad: u64) -> Option<Self> {
        let needed = slice.saturating_mul(min_bad);
        (needed > LONGEST_OF_GATES).then_some(Self::NeverRefuses {
            needed: Duration::from_nanos(needed),
        })
    }
}

/// The burn rate of one bad event among `n`.
fn one_bad_of(objective: Objective, n: u64) -> Option<BurnRate> {
    objective.burn_rate(Counts::new(n.checked_sub(1)?, 1))
}

fn one_error(index: usize, up_to: u64) -> Option<Warning> {
    (up_to > 0).then_some(Warning::OneErrorFires { index, up_to })
}

/// The largest number for which `fires` returns true, by bisection. It does so for all smaller numbers but 0.
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

fn few_slots(window: u64, settings: &Settings) -> Option<Warning> {
    let slots = window / settings.unit();
    (slots < FEW).then_some(Warning::FewSlots {
        window: Duration::from_nanos(window),
        slots,
    })
}

fn same_slots(one: u64, other: u64, settings: &Settings) -> Option<Warning> {
    let unit = settings.unit();
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
            Self::BudgetChanged(why) => write!(
                f,
                "the budget was reconfigured, and what was built on it no longer fits ({why}); reconfigure that as well"
            ),
            Self::NeverRefuses { needed } => write!(
                f,
                "the bad slices that a gate needs take {}, and it looks back for 10m, so that it never refuses a request; shorten the slices, or lower `min_bad`",
                Spoken(needed)
            ),
        }
    }
}
