use std::time::Duration;

use rand::{RngExt, rngs::SmallRng};

/// How a delay is spread, so that callers which failed together do not come back together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// Anywhere from zero to the delay, each moment as likely: the default, as it spreads most, and
    /// contending callers finish soonest with it (Brooker, "Exponential Backoff And Jitter", AWS 2015).
    #[default]
    Full,
    /// The delay itself. Callers that failed together come back together: for tests, and for a caller who
    /// is alone.
    None,
}

impl Jitter {
    /// A delay of at most `ceiling`.
    pub(crate) fn spread(self, ceiling: Duration, rng: &mut SmallRng) -> Duration {
        match self {
            Self::Full => rng.random_range(Duration::ZERO..=ceiling),
            Self::None => ceiling,
        }
    }

    /// What of such a delay is chance: this much goes on top of a server's hint.
    pub(crate) fn chance(self, ceiling: Duration, rng: &mut SmallRng) -> Duration {
        match self {
            Self::Full => rng.random_range(Duration::ZERO..=ceiling),
            Self::None => Duration::ZERO,
        }
    }
}
