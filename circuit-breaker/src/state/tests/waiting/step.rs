//! The steps of a history.

use proptest::{collection::vec, prelude::*};

use crate::{state::waiters::PATIENCE, types::Outcome};

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Come,
    /// Drops one of the waiting calls.
    Leave(usize),
    /// Polls one of the waiting calls no more.
    Hold(usize),
    /// Polls one of the waiting calls for another reason.
    Poll(usize),
    Finish(usize, Outcome),
    Pass(u64),
    Reset,
    Force(Option<u64>),
    Trip,
    Resume,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        Just(Outcome::Success),
        Just(Outcome::Failure),
        Just(Outcome::Ignored)
    ];
    let lasts = proptest::option::of(1..50_u64);
    let step = prop_oneof![
        10 => Just(Step::Come),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::Hold),
        1 => any::<usize>().prop_map(Step::Poll),
        6 => (any::<usize>(), outcome).prop_map(|(i, o)| Step::Finish(i, o)),
        5 => (0..40_u64).prop_map(Step::Pass),
        1 => Just(Step::Reset),
        1 => lasts.prop_map(Step::Force),
        1 => Just(Step::Trip),
        1 => Just(Step::Resume),
    ];
    vec(step, 1..60)
}

/// Shorter than any call sleeps while half-open, and longer.
pub(super) fn deadlines() -> impl Strategy<Value = u64> {
    prop_oneof![Just(30), Just(3 * PATIENCE)]
}
