//! What burns too fast: the pace, the window that decides, and the guards. Pure functions in integers.

use std::cmp::Ordering;

use crate::{
    burn::significance::is_unlikely,
    gate::recent::{Recent, Span, Tally},
    record::ledger::Whole,
    types::{Counts, Objective, decimal},
};

/// The windows, in seconds. The shortest in which three bad events keep the pace decides.
const WINDOWS: [u64; 3] = [10, 60, 600];

/// The checked numbers of the law.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) objective: Objective,
    /// The highest burn rate that is allowed, in thousandths.
    pub(super) fastest: u32,
    /// The lowest share, in millionths.
    pub(super) floor: u32,
    /// For how many seconds after a cut results still come from before it.
    pub(super) grace: u64,
    pub(super) min_bad: u64,
    pub(super) evidence: f64,
    /// The events are slices of time, which pass whether requests are refused or not.
    pub(super) counts_slices: bool,
}

/// The window that decides.
pub(super) struct Window {
    pub(super) seconds: u64,
    pub(super) span: Span,
}

impl Rules {
    /// The burn rate that is allowed now, in thousandths, rounded down: the fastest at the start of a period, 1 when its
    /// budget is spent, and in between in proportion to what is left. So the budget lasts for its period divided by the
    /// fastest, and a spent budget is burned no faster than it is earned.
    pub(super) fn pace(&self, whole: &Whole) -> u32 {
        const ALL: u128 = 1_000_000_000;
        let (spent, budget) = self.terms(whole.counts.bad(), whole.counts.total());
        let coverage = decimal::scaled(ALL, whole.observed.into(), whole.length.into());
        let consumed = decimal::scaled(ALL, spent, budget).saturating_mul(coverage) / ALL;
        let left = ALL.saturating_sub(consumed);
        let pace = u128::from(self.fastest) * left / ALL;
        u32::try_from(pace).unwrap_or(u32::MAX).max(1000)
    }

    /// Bad events and their budget among `asked`, both times the denominator of the objective. Below 2^125.
    fn terms(&self, bad: u64, asked: u128) -> (u128, u128) {
        (
            u128::from(bad) * u128::from(self.objective.of()),
            asked * u128::from(self.objective.budget()),
        )
    }

    pub(super) fn window(&self, recent: &Recent, pace: u32) -> Window {
        let [short, middle, long] = WINDOWS.map(|seconds| Window {
            seconds,
            span: recent.last(seconds),
        });
        let holds_three = |window: &Window| {
            let (_, budget) = self.terms(0, window.span.tally.asked().into());
            let three = 3000 * u128::from(self.objective.of());
            decimal::compare_products(budget, pace.into(), three, 1) != Ordering::Less
        };
        if holds_three(&short) {
            short
        } else if holds_three(&middle) {
            middle
        } else {
            long
        }
    }

    /// Whether a window of `seconds` burned faster than the pace, had the time in it that was not observed been as busy
    /// and well.
    pub(super) fn is_over(&self, pace: u32, tally: Tally, seen: u64, seconds: u64) -> bool {
        let (bad, budget) = self.terms(tally.bad, tally.asked().into());
        let (seen, allowed) = (
            1000 * u128::from(seen),
            u128::from(pace) * u128::from(seconds),
        );
        decimal::compare_products(bad, seen, budget, allowed) == Ordering::Greater
    }

    /// Whether the bad events are enough, and no chance.
    pub(super) fn is_evident(&self, window: &Window) -> bool {
        let Span { tally, seen } = window.span;
        let counted =
            u128::from(tally.counted) * u128::from(window.seconds) / u128::from(seen.max(1));
        let counted = u64::try_from(counted).unwrap_or(u64::MAX);
        let counts = Counts::new(counted.saturating_sub(tally.bad), tally.bad);
        tally.bad >= self.min_bad && is_unlikely(self.objective, counts, self.evidence)
    }

    pub(super) fn burn(&self, tally: Tally) -> u32 {
        let (bad, budget) = self.terms(tally.bad, tally.asked().into());
        u32::try_from(decimal::scaled(1000, bad, budget)).unwrap_or(u32::MAX)
    }
}
