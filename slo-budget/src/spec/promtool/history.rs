//! Made-up traffic, and what counters say of it.

use crate::{spec::indicator::Samples, types::Counts};

/// Traffic that is the same for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// For so many ticks.
    pub(crate) ticks: u64,
    /// So many events a tick.
    pub(crate) good: u64,
    pub(crate) bad: u64,
}

/// What happens, from the beginning of all counters on.
#[derive(Clone, Debug)]
pub(crate) struct History {
    phases: Vec<Phase>,
}

/// What a series counts of a phase's traffic in a tick.
pub(crate) type Counted = fn(&Phase) -> u64;

// === impl History ===

impl History {
    pub(crate) const fn of(phases: Vec<Phase>) -> Self {
        Self { phases }
    }

    pub(crate) fn phases(&self) -> &[Phase] {
        &self.phases
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.phases.iter().map(|phase| phase.ticks).sum()
    }

    /// What the counters say at `tick`.
    pub(crate) fn at(&self, tick: u64) -> Counts {
        let mut rest = tick;
        let mut counts = Counts::default();
        for phase in &self.phases {
            let ticks = phase.ticks.min(rest);
            rest -= ticks;
            counts = counts + Counts::new(phase.good * ticks, phase.bad * ticks);
        }
        counts
    }

    /// What was counted in the `window` that ends at `tick`.
    pub(crate) fn window(&self, tick: u64, window: u64) -> Counts {
        self.at(tick).since(self.at(tick.saturating_sub(window)))
    }
}

// === impl Samples ===

impl Samples {
    /// The series, and what each counts.
    pub(crate) fn counted(&self) -> [(&str, Counted); 2] {
        match self {
            Self::Split { good, bad } => [(good, |phase| phase.good), (bad, |phase| phase.bad)],
            Self::Apart {
                all,
                part,
                part_is_bad,
            } => {
                let counted: Counted = if *part_is_bad {
                    |phase| phase.bad
                } else {
                    |phase| phase.good
                };
                [(all, |phase| phase.good + phase.bad), (part, counted)]
            }
        }
    }
}
