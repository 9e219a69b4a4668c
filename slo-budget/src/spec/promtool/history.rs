//! Traffic for the tests of the rules.

use crate::types::Counts;

/// Constant traffic: events in each tick, for a number of ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    pub(super) ticks: u64,
    pub(super) good: u64,
    pub(super) bad: u64,
    /// There are no series.
    is_gone: bool,
}

/// All traffic since the counters began at zero.
#[derive(Clone, Debug)]
pub(super) struct History {
    phases: Vec<Phase>,
}

impl History {
    pub(super) const fn new() -> Self {
        Self { phases: Vec::new() }
    }

    /// Adds a phase with this number of good and bad events in each tick.
    pub(super) fn then(self, ticks: u64, good: u64, bad: u64) -> Self {
        self.phase(ticks, good, bad, false)
    }

    /// Adds a phase without series.
    pub(super) fn gone(self, ticks: u64) -> Self {
        self.phase(ticks, 0, 0, true)
    }

    fn phase(mut self, ticks: u64, good: u64, bad: u64, is_gone: bool) -> Self {
        if ticks > 0 {
            self.phases.push(Phase {
                ticks,
                good,
                bad,
                is_gone,
            });
        }
        self
    }

    pub(super) fn ticks(&self) -> u64 {
        self.phases.iter().map(|phase| phase.ticks).sum()
    }

    /// The counters at `tick`.
    pub(super) fn at(&self, tick: u64) -> Counts {
        let mut left = tick;
        let mut counts = Counts::default();
        for phase in &self.phases {
            let ticks = phase.ticks.min(left);
            left -= ticks;
            counts = counts + Counts::new(phase.good * ticks, phase.bad * ticks);
        }
        counts
    }

    /// The events of the `window` that ends at `tick`. `None` if it has fewer than two samples.
    pub(super) fn window(&self, tick: u64, window: u64) -> Option<Counts> {
        let start = tick.saturating_sub(window);
        let (mut begins, mut samples) = (0, u64::from(start == 0));
        for phase in &self.phases {
            // Its samples are those after its beginning.
            let ends = begins + phase.ticks;
            if !phase.is_gone {
                samples += (ends.min(tick) + 1).saturating_sub((begins + 1).max(start));
            }
            begins = ends;
        }
        (samples > 1).then(|| self.at(tick).since(self.at(start)))
    }

    /// Whether a counter of these events ever moves.
    pub(super) fn has(&self, counted: impl Fn(&Phase) -> u64) -> bool {
        self.phases.iter().any(|phase| counted(phase) > 0)
    }

    /// A counter of these events in promtool's notation, `start+stepxtimes`. The start is a sample too.
    pub(super) fn values(&self, counted: impl Fn(&Phase) -> u64) -> String {
        let mut value = 0;
        let mut parts = Vec::new();
        for phase in &self.phases {
            let (step, ticks) = (counted(phase), phase.ticks);
            parts.push(match (phase.is_gone, parts.is_empty()) {
                (true, _) => format!("_x{ticks}"),
                (false, true) => format!("0+{step}x{ticks}"),
                (false, false) => format!("{}+{step}x{}", value + step, ticks - 1),
            });
            value += step * ticks;
        }
        parts.join(" ")
    }
}
