//! What happens to a simulated service, and what came of it.

use crate::types::Outcome;

/// How long a service behaves in one way. Times in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    pub(super) lasts: f64,
    /// Calls a second.
    pub(super) rate: f64,
    pub(super) servers: usize,
    pub(super) mean: f64,
    /// The standard deviation by the mean.
    pub(super) variation: f64,
    pub(super) others: Option<(f64, f64)>,
    pub(super) refused: Option<(f64, Outcome)>,
}

impl Phase {
    /// Twenty servers, 50 ms a call: 400 calls a second.
    pub(super) const fn new(lasts: f64, rate: f64) -> Self {
        Self {
            lasts,
            rate,
            servers: 20,
            mean: 0.05,
            variation: 1.0,
            others: None,
            refused: None,
        }
    }

    pub(super) const fn lasting(mut self, seconds: f64) -> Self {
        self.lasts = seconds;
        self
    }

    pub(super) const fn varying(mut self, variation: f64) -> Self {
        self.variation = variation;
        self
    }

    /// This share of calls takes another mean.
    pub(super) const fn mixed(mut self, share: f64, mean: f64) -> Self {
        self.others = Some((share, mean));
        self
    }

    /// This share of calls is refused by the service, after a millisecond and with this outcome.
    pub(super) const fn refusing(mut self, share: f64, outcome: Outcome) -> Self {
        self.refused = Some((share, outcome));
        self
    }

    pub(super) const fn served(mut self, servers: usize, mean: f64) -> Self {
        (self.servers, self.mean) = (servers, mean);
        self
    }

    fn mean_of_all(&self) -> f64 {
        let (share, mean) = self.others.unwrap_or_default();
        self.mean * (1.0 - share) + mean * share
    }
}

/// What came of one phase.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    pub(super) count: u32,
    /// Of all answers, in seconds.
    pub(super) latency: f64,
}

/// What came of a simulation.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) phases: Vec<(Phase, Answers)>,
    /// Each limit, and when it began to hold, in seconds.
    pub(super) limits: Vec<(f64, usize)>,
}

impl Run {
    /// The answers of a phase by the calls that arrive, or by those that the servers can serve if these are fewer.
    pub(super) fn goodput(&self, phase: usize) -> f64 {
        let (phase, answers) = &self.phases[phase];
        let servers = f64::from(u32::try_from(phase.servers).expect("a few servers"));
        let possible = phase.rate.min(servers / phase.mean_of_all());
        f64::from(answers.count) / phase.lasts / possible
    }

    /// The mean latency of a phase by that of a call that does not queue.
    pub(super) fn latency(&self, phase: usize) -> f64 {
        let (phase, answers) = &self.phases[phase];
        answers.latency / f64::from(answers.count) / phase.mean_of_all()
    }

    /// The limit at this second.
    pub(super) fn limit(&self, at: f64) -> usize {
        let before = self.limits.iter().take_while(|(since, _)| *since <= at);
        before.last().expect("a limit to begin with").1
    }

    /// The greatest limit from one second to another.
    pub(super) fn most(&self, from: f64, to: f64) -> usize {
        let within = self.limits.iter().filter(|(at, _)| (from..to).contains(at));
        let most = within.map(|(_, limit)| *limit).max();
        most.unwrap_or(0).max(self.limit(from))
    }
}
