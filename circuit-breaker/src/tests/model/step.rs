//! The steps of a history.

use std::time::Duration;

use proptest::prelude::*;

use super::config::{Config, config};
use crate::{Outcome, State};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Advance(u64),
    Admit,
    /// Ends a call (an index modulo the calls in flight) with an outcome; `None` cancels it.
    Settle(usize, Option<Outcome>),
    Reset,
    /// An operator's state, for so long.
    Steer(State, Option<u64>),
    /// An operator opens it for a wait.
    Trip,
    Resume,
    /// Other numbers.
    Reconfigure(Box<Config>),
    /// Looks. Whether anybody does must make no difference.
    Look,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![
        4 => 0_u64..4,
        4 => 0_u64..70,
        2 => 0_u64..1_100,
        1 => 0_u64..1_100_000_000,
        1 => prop::sample::select(vec![3_600_000_000_007, 31_557_600_000_000_011, u64::MAX]),
    ];
    let outcome = prop::sample::select(vec![
        Some(Outcome::Success),
        Some(Outcome::Failure),
        Some(Outcome::Failure),
        Some(Outcome::Ignored),
        Some(Outcome::FailureFor(Duration::from_nanos(70))),
        Some(Outcome::FailureFor(Duration::MAX)),
        None,
    ]);
    let steered =
        prop::sample::select(vec![State::ForcedOpen, State::Disabled, State::MetricsOnly]);
    let lasts = prop::option::of(prop::sample::select(vec![0_u64, 1, 40, 1_000, u64::MAX]));
    prop_oneof![
        4 => time.prop_map(Step::Advance),
        6 => Just(Step::Admit),
        5 => (any::<usize>(), outcome).prop_map(|(which, how)| Step::Settle(which, how)),
        1 => Just(Step::Reset),
        1 => (steered, lasts).prop_map(|(state, lasts)| Step::Steer(state, lasts)),
        1 => Just(Step::Trip),
        1 => Just(Step::Resume),
        2 => config().prop_map(|config| Step::Reconfigure(Box::new(config))),
        1 => Just(Step::Look),
    ]
}
