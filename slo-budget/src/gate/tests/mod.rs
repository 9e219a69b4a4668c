#[cfg(not(loom))]
mod law;
#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod order;
#[cfg(not(loom))]
mod policy;
#[cfg(not(loom))]
mod simulation;

use crate::{
    gate::{GateBuilder, policy::Policy},
    record::Settings,
    types::{Event, Objective},
};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const PERIOD: u64 = 30 * 24 * HOUR;

/// The settings of a budget of 30 days.
pub(super) fn settings(objective: &str) -> Settings {
    let objective: Objective = objective.parse().expect("an objective");
    Settings {
        objective,
        period: PERIOD,
        resolution: 10 * SECOND,
        slices: None,
        windows: [None; 4],
        on_cancel: Event::Excluded,
        meaning: 0,
        calendar: None,
    }
}

/// The policy of a gate on a budget of 30 days.
fn policy(objective: &str, set: impl Fn(GateBuilder) -> GateBuilder) -> Policy {
    set(GateBuilder::new())
        .policy(&settings(objective))
        .expect("a valid configuration")
}
