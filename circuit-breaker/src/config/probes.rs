use crate::types::Ratio;

/// How a half-open breaker decides: how many probes, and how many of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "probes do nothing until they are given to `Builder::probes`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "form::Form", into = "form::Form")
)]
pub struct Probes {
    pub(super) results: u32,
    /// How many of them have to succeed; `None` where the failure ratio decides.
    pub(super) successes: Option<u32>,
    pub(super) in_flight: u32,
}

/// [`Probes`] as the state machine needs them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(super) rule: Rule,
    /// How many results decide.
    pub(crate) results: u32,
    /// How many probes at once.
    pub(crate) in_flight: u8,
    /// The deadline of each.
    pub(crate) time: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// After all results, by the share of failures.
    Share(Ratio),
    /// As soon as this number of successes is reached, or out of reach.
    Successes(u32),
}

/// How many probes may be in flight at most, each with a deadline. Sixteen at once tell as much
/// about a backend as a thousand, and scanning them stays cheap.
const MAX_IN_FLIGHT: u32 = 16;
/// The largest number of results that the state word has room for.
const MAX_RESULTS: u32 = (1 << 12) - 1;

// === impl Probes ===

impl Probes {
    /// Decides after `results` results, from 1 to 4,095: opens again if the failure ratio (50 %
    /// where none is configured) is reached among them, closes otherwise.
    ///
    /// All of them may be in flight at once, up to sixteen; [`in_flight`](Self::in_flight) lowers
    /// that.
    pub const fn results(results: u32) -> Self {
        Self {
            results,
            successes: None,
            in_flight: if results < MAX_IN_FLIGHT {
                results
            } else {
                MAX_IN_FLIGHT
            },
        }
    }

    /// One probe decides.
    pub const fn one() -> Self {
        Self::results(1)
    }

    /// Closes as soon as `needed` probes of `of` succeeded, and opens again as soon as that is out
    /// of reach: both from 1 to 4,095, `needed` no more than `of`. The failure ratio does not
    /// matter then.
    ///
    /// Once it is decided, probes that are still in flight are late: their results change nothing.
    pub const fn successes(needed: u32, of: u32) -> Self {
        let mut probes = Self::results(of);
        probes.successes = Some(needed);
        probes
    }

    /// At most `limit` probes in flight at once, from 1 to 16. Never more are admitted than results
    /// are missing.
    pub const fn in_flight(mut self, limit: u32) -> Self {
        self.in_flight = limit;
        self
    }

    #[expect(clippy::cast_possible_truncation, reason = "valid ones are at most 16")]
    pub(super) const fn in_flight_limit(self) -> u8 {
        self.in_flight as u8
    }

    pub(super) const fn are_valid(self) -> bool {
        let needed = match self.successes {
            Some(needed) => needed,
            None => self.results,
        };
        needed >= 1
            && needed <= self.results
            && self.results <= MAX_RESULTS
            && self.in_flight >= 1
            && self.in_flight <= MAX_IN_FLIGHT
    }
}

impl From<u32> for Probes {
    /// [`Probes::results`].
    fn from(results: u32) -> Self {
        Self::results(results)
    }
}

// === impl Trial ===

impl Trial {
    /// Whether a half-open breaker opens (or closes) with these results; `None` if it is too early
    /// to say.
    pub(crate) fn decides(&self, successes: u32, failures: u32) -> Option<bool> {
        let results = successes + failures;
        match self.rule {
            Rule::Share(ratio) => {
                (results >= self.results).then(|| ratio.is_reached(failures, results))
            }
            Rule::Successes(needed) if successes >= needed => Some(false),
            Rule::Successes(needed) => (failures + needed > self.results).then_some(true),
        }
    }
}

/// In a file: `3`, `{ results: 10, in_flight: 2 }`, `{ successes: 2, of: 3 }`.
#[cfg(feature = "serde")]
mod form {
    use super::Probes;

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(
        untagged,
        expecting = "expected a number of results, or either `results` or `successes` and `of`, with an optional `in_flight`"
    )]
    pub(super) enum Form {
        Results(u32),
        ByRatio(#[serde(deserialize_with = "super::super::from_table")] ByRatio),
        BySuccesses(#[serde(deserialize_with = "super::super::from_table")] BySuccesses),
    }

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct ByRatio {
        results: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_flight: Option<u32>,
    }

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct BySuccesses {
        successes: u32,
        of: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_flight: Option<u32>,
    }

    impl From<Probes> for Form {
        fn from(probes: Probes) -> Self {
            let usual = Probes::results(probes.results);
            let in_flight = (probes.in_flight != usual.in_flight).then_some(probes.in_flight);
            match (probes.successes, probes.results) {
                (None, results) if in_flight.is_none() => Self::Results(results),
                (None, results) => Self::ByRatio(ByRatio { results, in_flight }),
                (Some(successes), of) => Self::BySuccesses(BySuccesses {
                    successes,
                    of,
                    in_flight,
                }),
            }
        }
    }

    impl From<Form> for Probes {
        fn from(form: Form) -> Self {
            let (probes, in_flight) = match form {
                Form::Results(results) => (Self::results(results), None),
                Form::ByRatio(by) => (Self::results(by.results), by.in_flight),
                Form::BySuccesses(by) => (Self::successes(by.successes, by.of), by.in_flight),
            };
            in_flight.map_or(probes, |limit| probes.in_flight(limit))
        }
    }
}
