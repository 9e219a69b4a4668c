//! Decides which expired requests a filter rejects.
//!
//! The requests of a period are counted in hundreds. Exactly the share of each hundred becomes available for
//! rejections, counted in integers across threads, in an order that is not periodic (see `order`). While a
//! rejection is available, the next expired request is rejected. In the first hundred of a period the rejections
//! are at every moment at most that share of the requests in it.
//!
//! Finagle's `DeadlineFilter` has the same purpose and another bound: a leaky bucket for each connection, with
//! one deposit for each request that is *served*. There a filter with a share of 1.0 rejects half of the expired
//! requests; here it rejects all of them.
//!
//! Finagle's tolerance for clock skew has no counterpart here: the headers carry durations, not instants.
//!
//! Periods are not aligned to a grid, which would take a division for each request.

mod order;
mod period;
mod settings;
#[cfg(all(test, not(loom)))]
mod tests;

use self::period::{MOST_MILLIS, Period, WITHOUT_POSITION};
pub(crate) use self::settings::Settings;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The settings of a filter and its current period, shared by all threads.
///
/// Every access is `Relaxed`. Each word is a complete value, and no other memory is published with it.
#[derive(Debug)]
pub(crate) struct Window {
    /// All settings in one word, so that a request never sees half of a change.
    settings: AtomicU64,
    /// The period in one word, so that two requests never withdraw the same credit.
    period: AtomicU64,
}

impl Window {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings: AtomicU64::new(settings.word()),
            period: AtomicU64::new(0),
        }
    }

    /// Changes the settings for the requests that follow. The credit of the current period stays.
    ///
    /// A new share begins a new hundred: within the old one, positions that have deposited could do so again.
    /// Requests that run meanwhile may still see the old share, so the change is not exact to the request.
    pub(crate) fn reconfigure(&self, settings: Settings) {
        let before = Settings::from_word(self.settings.swap(settings.word(), Relaxed));
        if before.share() != settings.share() {
            self.period.fetch_and(WITHOUT_POSITION, Relaxed);
        }
    }

    /// Counts a request at `now`, in milliseconds. Returns whether it is to be rejected, and the settings that
    /// decided it.
    ///
    /// One read-modify-write for each request, or none: a period with the maximum credit is not changed by a
    /// request in time, so a busy server that rejects nothing only reads.
    pub(crate) fn request(&self, now: u64, is_expired: bool) -> (bool, Settings) {
        let now = now.min(MOST_MILLIS);
        let settings = Settings::from_word(self.settings.load(Relaxed));
        let mut seen = self.period.load(Relaxed);
        loop {
            let (next, is_rejected) = Period::from_word(seen).request(now, settings, is_expired);
            // The load was the decision: there is nothing to write.
            if next.word() == seen {
                return (is_rejected, settings);
            }
            match self
                .period
                .compare_exchange_weak(seen, next.word(), Relaxed, Relaxed)
            {
                Ok(_) => return (is_rejected, settings),
                Err(other) => seen = other,
            }
        }
    }
}
