//! The counts of responses, by phase.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::client::Answer;

/// The counts of one phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) name: &'static str,
    pub(super) requests: u32,
    pub(super) ok: u32,
    /// Queued runs, by what held them back.
    pub(super) queued: BTreeMap<String, u32>,
    /// Rejected requests, by layer.
    pub(super) rejected: BTreeMap<String, u32>,
    /// Failed requests, by error.
    pub(super) failed: BTreeMap<String, u32>,
    pub(super) skipped: u32,
    /// The retries of all stacks.
    pub(super) retries: u64,
    /// The transitions of the breakers and the gate.
    pub(super) transitions: Vec<String>,
    pub(super) reads_refused: u32,
    pub(super) took: Vec<Duration>,
}

/// The counts of all phases and the ids of all accepted runs.
#[derive(Debug)]
pub(super) struct Tallies {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    phases: Vec<Tally>,
    accepted: Vec<String>,
}

// === impl Tallies ===

impl Tallies {
    pub(super) fn new() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }

    /// Begins a phase. A request belongs to the phase in which it was due.
    pub(super) fn begin(&self, name: &'static str) {
        self.kept.lock().phases.push(Tally {
            name,
            ..Tally::default()
        });
    }

    /// Adds the retries since the last call of this method.
    pub(super) fn retried(&self, retries: u64) {
        let mut kept = self.kept.lock();
        kept.phases.last_mut().expect("a phase runs").retries += retries;
    }

    /// The number of the current phase.
    pub(super) fn phase(&self) -> usize {
        self.kept.lock().phases.len() - 1
    }

    pub(super) fn transition(&self, what: String) {
        let mut kept = self.kept.lock();
        kept.phases
            .last_mut()
            .expect("a phase runs")
            .transitions
            .push(what);
    }

    pub(super) fn skipped(&self, phase: usize) {
        self.kept.lock().phases[phase].skipped += 1;
    }

    /// One of the accepted runs, a different one for each number.
    pub(super) fn some_run(&self, number: u32) -> Option<String> {
        let accepted = &self.kept.lock().accepted;
        let at = (number as usize)
            .wrapping_mul(7919)
            .checked_rem(accepted.len())?;
        Some(accepted[at].clone())
    }

    pub(super) fn answered(&self, phase: usize, read: bool, answer: Answer, took: Duration) {
        let mut kept = self.kept.lock();
        let tally = &mut kept.phases[phase];
        tally.requests += 1;
        tally.took.push(took);
        let id = match answer {
            Answer::Done(id) => {
                tally.ok += 1;
                id
            }
            Answer::Queued(id, by) => {
                *tally.queued.entry(by).or_default() += 1;
                Some(id)
            }
            Answer::Rejected(by) => {
                tally.reads_refused += u32::from(read && by == "gate");
                *tally.rejected.entry(by).or_default() += 1;
                None
            }
            Answer::Failed(how) => {
                *tally.failed.entry(how).or_default() += 1;
                None
            }
        };
        kept.accepted.extend(id);
    }

    /// Evaluates `ask` for the current phase.
    pub(super) fn latest(&self, ask: impl FnOnce(&Tally) -> bool) -> bool {
        self.kept.lock().phases.last().is_some_and(ask)
    }

    pub(super) fn phases(&self) -> Vec<Tally> {
        self.kept.lock().phases.clone()
    }

    pub(super) fn accepted(&self) -> Vec<String> {
        self.kept.lock().accepted.clone()
    }
}

// === impl Tally ===

impl Tally {
    /// The quantile of the latencies at `percent`, by nearest rank.
    pub(super) fn quantile(&self, percent: usize) -> Option<Duration> {
        let mut took = self.took.clone();
        took.sort_unstable();
        let rank = (took.len() * percent).div_ceil(100);
        took.get(rank.checked_sub(1)?).copied()
    }

    pub(super) fn entered(&self, what: &str) -> bool {
        self.transitions.iter().any(|transition| transition == what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_taken_by_nearest_rank() {
        let took = (1..=20).rev().map(Duration::from_millis).collect();
        let tally = Tally {
            took,
            ..Tally::default()
        };
        assert_eq!(tally.quantile(50), Some(Duration::from_millis(10)));
        assert_eq!(tally.quantile(95), Some(Duration::from_millis(19)));
        assert_eq!(Tally::default().quantile(50), None);
    }
}
