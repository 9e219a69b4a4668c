use crate::{sync::PLACES, word::MAX_RESULTS};

#[expect(clippy::cast_possible_truncation, reason = "sixteen")]
const MOST_IN_FLIGHT: u32 = PLACES as u32;

/// How a half-open circuit decides: how many probes, and how many of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "probes do nothing until they are given to `Builder::probes`"]
pub struct Probes {
    pub(crate) results: u32,
    /// How many of them have to succeed; `None` where the failure ratio decides.
    pub(crate) successes: Option<u32>,
    pub(crate) in_flight: u32,
}

impl Probes {
    /// Decides after `results` results, from 1 to 4,095: opens again if the failure ratio (50 % where none is
    /// configured) is reached among them, closes otherwise.
    ///
    /// As many may be in flight at once, up to sixteen; [`in_flight`](Self::in_flight) makes it fewer.
    pub const fn results(results: u32) -> Self {
        Self {
            results,
            successes: None,
            in_flight: if results < MOST_IN_FLIGHT {
                results
            } else {
                MOST_IN_FLIGHT
            },
        }
    }

    /// One probe decides.
    pub const fn one() -> Self {
        Self::results(1)
    }

    /// Closes as soon as `needed` probes of `of` succeeded, and opens again as soon as that is out of reach:
    /// both from 1 to 4,095, `needed` no more than `of`. The failure ratio does not matter then.
    ///
    /// As soon as it is decided, probes that are still in flight are late: what they say changes nothing.
    pub const fn successes(needed: u32, of: u32) -> Self {
        let mut probes = Self::results(of);
        probes.successes = Some(needed);
        probes
    }

    /// At most `limit` probes in flight at once, from 1 to 16. Never more are let in than results are
    /// missing.
    pub const fn in_flight(mut self, limit: u32) -> Self {
        self.in_flight = limit;
        self
    }

    #[expect(clippy::cast_possible_truncation, reason = "valid ones are at most 16")]
    pub(crate) const fn in_flight_limit(self) -> u8 {
        self.in_flight as u8
    }

    pub(crate) const fn are_valid(self) -> bool {
        let needed = match self.successes {
            Some(needed) => needed,
            None => self.results,
        };
        needed >= 1
            && needed <= self.results
            && self.results <= MAX_RESULTS
            && self.in_flight >= 1
            && self.in_flight <= MOST_IN_FLIGHT
    }
}
