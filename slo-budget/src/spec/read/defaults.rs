//! The alerts and limits of a specification that names none.

use std::time::Duration;

use super::alerts::Asked;
use crate::{
    alerts::{Severity, builder::DEFAULT_RULES},
    burn::{Limit, Page},
    spec::Pair,
    types::{Factor, duration::ticks},
};

/// In nanoseconds.
const SLOT: u64 = 10_000_000_000;

/// Those of [`AlertsBuilder::rules`](crate::AlertsBuilder::rules), with a slot of 10 s.
pub(super) fn default_alerts<'a>(period: Duration) -> Asked<'a, Pair> {
    DEFAULT_RULES
        .into_iter()
        .filter_map(|(severity, percent, long, short)| {
            let windows = Page::of_slots(percent, long, short, SLOT)?;
            let windows = match severity {
                Severity::Ticket => windows.at_least_the_budget(ticks(period)),
                Severity::Page => windows,
            };
            let pair = Pair {
                severity,
                windows,
                factor: windows.budget,
                pending_for: Duration::ZERO,
                keep_firing_for: Duration::ZERO,
            };
            Some((None, pair))
        })
        .collect()
}

/// 1.0 over 1 h, 0.5 over 6 h, 0.2 over 24 h.
pub(super) fn default_limits<'a>() -> Asked<'a, Limit> {
    [(1, 10), (6, 5), (24, 2)]
        .into_iter()
        .filter_map(|(hours, tenths)| {
            let below = Factor::new(tenths, 10)?;
            Some((None, Limit::new(Duration::from_secs(hours * 3600), below)))
        })
        .collect()
}
