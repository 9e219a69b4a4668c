//! How long a policy takes to decide.

use std::{fmt, time::Duration};

use super::{
    bets::Bet,
    intervals::as_f64,
    policy::{CanaryPolicy, LEAST_BATCHES},
};
use crate::types::duration::Spoken;

/// How long a policy takes to decide at a given number of requests a second. Its `Display` is a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    requests_per_second: f64,
    promoted: Option<Duration>,
    longest_step: Option<Duration>,
    max_wait: Duration,
    rolled_back: Duration,
}

impl CanaryPolicy {
    /// How long a release takes, at this number of requests a second of both arms together. Ask before a release
    /// starts: a service with few requests needs a lower [`guard`](crate::canary::Builder::guard), or more time.
    ///
    /// ```
    /// use maestro_slo_budget::CanaryPolicy;
    ///
    /// let policy = CanaryPolicy::builder().without_latency().build()?;
    /// let busy = policy.forecast(100.0).to_string();
    /// assert_eq!(busy, "at 100 requests/s this policy promotes in about 15m if none fails, and rolls back by comparison after 7m at the earliest");
    /// assert!(policy.forecast(0.1).is_longer_than_max_wait());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forecast(&self, requests_per_second: f64) -> Forecast {
        let least = self.min_wait.max(self.batch.saturating_mul(LEAST_BATCHES));
        let mut had = 0;
        let steps = (0..)
            .map_while(|step| Some((self.share_at(step), self.steps().nth(step + 1)?)))
            .map(|(share, next)| {
                let needed = self.requests_to(next)?;
                let missing = as_f64(needed.saturating_sub(had));
                let a_second = requests_per_second * f64::from(share) / 100.0;
                had = had.max(needed);
                let takes = Duration::try_from_secs_f64(missing / a_second).ok()?;
                Some(least.max(takes))
            });
        let steps: Option<Vec<Duration>> = steps.collect();
        let sum = |steps: &Vec<Duration>| {
            let all = steps.iter();
            all.fold(Duration::ZERO, |sum, step| sum.saturating_add(*step))
        };
        Forecast {
            requests_per_second,
            promoted: steps.as_ref().map(sum),
            longest_step: steps.and_then(|steps| steps.into_iter().max()),
            max_wait: self.max_wait,
            rolled_back: (self.batch).saturating_mul(Bet::least_batches(self.alpha_worse())),
        }
    }
}

impl Forecast {
    /// The time until the release has all requests, if none of them fails and its latency is good. `None` if that is never.
    #[must_use]
    pub const fn promoted(&self) -> Option<Duration> {
        self.promoted
    }

    /// The time until a release that fails in every batch is rolled back by comparison. Limits and failures in a row roll
    /// back earlier.
    #[must_use]
    pub const fn rolled_back(&self) -> Duration {
        self.rolled_back
    }

    /// Whether a step takes longer than [`max_wait`](crate::canary::Builder::max_wait), although nothing fails.
    #[must_use]
    pub fn is_longer_than_max_wait(&self) -> bool {
        self.longest_step.is_none_or(|step| step > self.max_wait)
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |time: Duration| Spoken(Duration::from_secs(time.as_secs()));
        write!(f, "at {} requests/s this policy ", self.requests_per_second)?;
        match self.promoted {
            Some(time) => write!(f, "promotes in about {} if none fails", whole(time))?,
            None => f.write_str("never promotes")?,
        }
        if self.promoted.is_some() && self.is_longer_than_max_wait() {
            write!(f, " (a step takes longer than its `max_wait`)")?;
        }
        write!(
            f,
            ", and rolls back by comparison after {} at the earliest",
            whole(self.rolled_back)
        )
    }
}
