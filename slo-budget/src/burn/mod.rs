//! When a burn rate is too high: the rules of alerts, the limits of deployments, and the guards
//! against low traffic. Pure functions of counts.

mod limits;
mod rule;
pub(crate) mod significance;
mod warnings;

use crate::{
    record::Settings,
    types::{BurnRate, Counts},
};

pub use limits::Limit;
pub(crate) use limits::LimitRule;
pub use rule::Page;
pub(crate) use rule::Rule;
pub(crate) use significance::Significance;
pub use warnings::Warning;
pub(crate) use warnings::of_windows;

/// The highest possible burn rate: that of a total outage.
pub(crate) const fn outage(settings: &Settings) -> Option<BurnRate> {
    settings.objective.burn_rate(Counts::new(0, 1))
}
