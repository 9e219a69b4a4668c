use std::time::Duration;

/// How a delay is spread, so that callers which failed together do not come back together.
///
/// Whichever it is, no delay is above the cap of its [`Backoff`](crate::Backoff), and all but
/// [`None`](Self::None) still spread delays that have reached the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// Anywhere from zero to the delay, each moment as likely: the default, as it spreads most. Contending callers
    /// are done soon with it, for few attempts (Brooker, "Exponential Backoff And Jitter", AWS 2015; the
    /// workspace's example `retry_jitter` does it again with these delays).
    #[default]
    Full,
    /// Anywhere from half the delay to the delay, for who must not come back at once.
    Equal,
    /// Anywhere from the backoff's first delay to three times the last wait of this request, or to the cap
    /// if that is less; it makes the delays grow by itself, in place of the backoff's own growth.
    ///
    /// Contending callers are done a tenth sooner than with [`Full`](Self::Full), for a quarter more attempts: for who
    /// is in more of a hurry than the service is busy.
    ///
    /// As in the article named above, but drawn from within the cap instead of cut off at it: cut off,
    /// most delays would soon be the cap itself. For the same reason the range is at least its own upper half
    /// where the first delay is near the cap.
    Decorrelated,
    /// Anywhere between so many percent below the delay and as many above it, at most 100; at the cap,
    /// between so many percent below it and the cap.
    ///
    /// It spreads little: contending callers meet again, with 20 percent about as often as not.
    PlusMinus(u8),
    /// The delay itself. Callers that failed together come back together: for tests, and for a caller who
    /// is alone.
    None,
}

impl Jitter {
    /// Between what a delay lies that would be `delay` without jitter, itself at most `cap`. `first` is the
    /// first such delay, `last` what was drawn last.
    pub(crate) fn range(
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
                let most = last.unwrap_or(first).saturating_mul(3).min(cap);
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
