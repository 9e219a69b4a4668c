use std::time::Duration;

/// How a delay is spread, so that callers which failed together do not come back together.
///
/// No delay is above the cap of its [`Backoff`](crate::Backoff). Every kind but [`None`](Self::None) still spreads
/// delays that have reached the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Jitter {
    /// Uniform from zero to the delay. The default, because it spreads most.
    ///
    /// Contending callers finish soon, with few attempts (Brooker, "Exponential Backoff And Jitter", AWS 2015; the
    /// workspace's example `retry_jitter` repeats the experiment with these delays).
    #[default]
    Full,
    /// Uniform from half the delay to the delay: for callers that must not come back at once.
    Equal,
    /// Uniform from the backoff's first delay to three times the last wait of this request, or to the cap if that
    /// is less. It replaces the backoff's own growth.
    ///
    /// Contending callers finish a tenth sooner than with [`Full`](Self::Full), for a quarter more attempts.
    ///
    /// The article named above cuts the drawn value off at the cap, which soon makes most delays the cap itself.
    /// Here the range is cut off instead. If the first delay is near the cap, the range is at least the upper half
    /// of itself.
    Decorrelated,
    /// Uniform between this many percent below the delay and as many above it, at most 100. At the cap, between
    /// this many percent below it and the cap.
    ///
    /// It spreads little: with 20 percent, contending callers meet again about every second time.
    PlusMinus(u8),
    /// The delay itself. Callers that failed together come back together: for tests, and for a single caller.
    None,
}

impl Jitter {
    /// A number of the kind, and the percentage.
    pub(super) const fn pack(self) -> (u8, u8) {
        match self {
            Self::Full => (0, 0),
            Self::Equal => (1, 0),
            Self::Decorrelated => (2, 0),
            Self::PlusMinus(percent) => (3, percent),
            Self::None => (4, 0),
        }
    }

    pub(super) const fn unpack(kind: u8, percent: u8) -> Self {
        match kind {
            0 => Self::Full,
            1 => Self::Equal,
            2 => Self::Decorrelated,
            3 => Self::PlusMinus(percent),
            _ => Self::None,
        }
    }
}

impl Jitter {
    /// The bounds of a delay that is `delay` without jitter, at most `cap`. `first` is the first such delay, `last`
    /// the delay drawn before.
    ///
    /// The range is cut off at the cap, not the drawn value. A value cut off after it was drawn is the cap itself
    /// most of the time, and the callers are in lockstep again.
    pub(super) fn range(
        self,
        delay: Duration,
        cap: Duration,
        first: Duration,
        last: Option<Duration>,
    ) -> (Duration, Duration) {
        match self {
            Self::Full => (Duration::ZERO, delay),
            Self::Equal => (delay / 2, delay),
            Self::Decorrelated => {
                // `last` is below `first` only if another backoff drew it: see `Builder::throttle_backoff`.
                let last = last.unwrap_or(first).max(first);
                let most = last.saturating_mul(3).min(cap);
                (first.min(most / 2), most)
            }
            Self::PlusMinus(percent) => {
                // Divided first, so that nothing overflows: exact to 100 ns.
                let spread = delay / 100 * u32::from(percent.min(100));
                (
                    delay.saturating_sub(spread),
                    delay.saturating_add(spread).min(cap),
                )
            }
            Self::None => (delay, delay),
        }
    }
}
