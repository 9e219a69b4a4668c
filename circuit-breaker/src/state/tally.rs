/// The counts of a half-open circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) in_flight: u32,
    pub(crate) successes: u32,
    pub(crate) failures: u32,
}

impl Tally {
    pub(crate) const fn results(self) -> u32 {
        self.successes + self.failures
    }

    /// With one probe more, if `limit` in flight and `results` in all have room for it.
    pub(crate) const fn admit(self, limit: u8, results: u32) -> Option<Self> {
        if self.in_flight >= limit as u32 || self.in_flight + self.results() >= results {
            return None;
        }
        Some(Self {
            in_flight: self.in_flight + 1,
            ..self
        })
    }

    /// With one probe less in flight and, unless it was ignored, one result more.
    pub(crate) const fn settle(self, failed: Option<bool>) -> Self {
        let (successes, failures) = match failed {
            None => (0, 0),
            Some(false) => (1, 0),
            Some(true) => (0, 1),
        };
        Self {
            // Saturating for one case: a thread that was held up inside `admit` while the circuit was reset
            // and went through sixteen generations leaves a lease which is then taken for one of now.
            in_flight: self.in_flight.saturating_sub(1),
            successes: self.successes + successes,
            failures: self.failures + failures,
        }
    }
}
