use std::time::Duration;

use crate::{
    DeadlineFilter, InvalidConfig,
    window::share::{Share, WHOLE},
    window::word::MOST_MILLIS,
};

/// The numbers of a deadline filter. `Copy`, and usable in a `const`.
///
/// Made by [`DeadlineFilter::builder`]; what [`DeadlineFilter::reconfigure`] takes. With the feature `serde` it
/// is read from a file: `{"max_share": 0.1, "period": "10s", "dark": true}`, of which any may be left out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct DeadlineFilterBuilder {
    pub(crate) max_share: f64,
    pub(crate) period: Duration,
    pub(crate) dark: bool,
}

impl DeadlineFilterBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            // The two that Finagle's DeadlineFilter has used in production for years.
            max_share: 0.2,
            period: Duration::from_secs(10),
            dark: false,
        }
    }

    /// The largest share of all requests that may be rejected: 0.0 to 1.0, rounded down to ten-thousandths.
    /// The default is 0.2. With 1.0 whatever has expired is rejected, with 0.0 nothing is.
    ///
    /// It bounds the harm of deadlines that are wrong: of a client with a limit that nobody can meet, of a queue
    /// in front that makes everything late. What has expired and is beyond it is served.
    pub const fn max_share(mut self, share: f64) -> Self {
        self.max_share = share;
        self
    }

    /// Over how long the share is counted: 1 ms or more; more than 34 years are 34 years. The default is 10 s.
    ///
    /// Periods follow one another: one begins with the first request after the last has ended, and nothing
    /// unused is carried over. At every moment of a period the rejections in it are within the share of
    /// the requests in it, as long as nobody lowers the share meanwhile. So with the defaults the first four requests of a period are never rejected.
    pub const fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// Only counts, and rejects nothing: for finding out what the filter would do. Off by default.
    pub const fn dark(mut self, dark: bool) -> Self {
        self.dark = dark;
        self
    }

    /// Builds a filter of its own, which shares its counts with no other.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range.
    pub fn build(self, name: &'static str) -> Result<DeadlineFilter, InvalidConfig> {
        Ok(DeadlineFilter::from_parts(name, self.settings()?))
    }

    pub(crate) const fn settings(self) -> Result<Settings, InvalidConfig> {
        let Some(share) = Share::new(self.max_share) else {
            return Err(InvalidConfig::MaxShare);
        };
        let millis = self.period.as_millis();
        if millis == 0 {
            return Err(InvalidConfig::Period);
        }
        #[expect(clippy::cast_possible_truncation, reason = "it fits, by the condition")]
        let period = if millis < MOST_MILLIS as u128 {
            millis as u64
        } else {
            MOST_MILLIS
        };
        Ok(Settings {
            share,
            period,
            dark: self.dark,
        })
    }
}

/// The numbers, checked, as a request needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) share: Share,
    /// In milliseconds.
    pub(crate) period: u64,
    pub(crate) dark: bool,
}

const SHARE_BITS: u32 = 14;
const _: () = assert!(WHOLE < 1 << SHARE_BITS, "the share fits its bits");

impl Settings {
    /// All in one word, so that a request never sees half of a change.
    pub(crate) const fn word(self) -> u64 {
        (self.period << SHARE_BITS | self.share.parts() as u64) << 1 | self.dark as u64
    }

    pub(crate) const fn from_word(word: u64) -> Self {
        let parts = ((word >> 1) & ((1 << SHARE_BITS) - 1)) as u16;
        Self {
            share: Share::from_parts(parts),
            period: word >> (1 + SHARE_BITS),
            dark: word & 1 == 1,
        }
    }
}
