use std::time::Duration;

use crate::{
    types::{InvalidConfig, InvalidConfigKind},
    window::Settings,
};

/// The settings of a [`DeadlineFilter`](crate::DeadlineFilter). `Copy`, and usable in a `const`.
///
/// Created by [`DeadlineFilter::builder`](crate::DeadlineFilter::builder), and applied to a running filter by
/// [`DeadlineFilter::reconfigure`](crate::DeadlineFilter::reconfigure). With the feature `serde` it is read from
/// a file: `{"max_share": 0.1, "period": "10s", "dark": true}`. Every field is optional.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder does nothing until `build`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename = "deadline filter")
)]
pub struct DeadlineFilterBuilder {
    max_share: f64,
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::duration::serialize")
    )]
    period: Duration,
    dark: bool,
}

impl DeadlineFilterBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            // The defaults of Finagle's `DeadlineFilter`.
            max_share: 0.2,
            period: Duration::from_secs(10),
            dark: false,
        }
    }

    /// The largest share of all requests that may be rejected: 0.0 to 1.0, rounded down to ten-thousandths.
    /// The default is 0.2. With 1.0 every expired request is rejected, with 0.0 none.
    ///
    /// It limits the harm that wrong deadlines do: those of a client whose limit no server can meet, or those
    /// behind a queue that makes every request late. Expired requests beyond the share are served.
    pub const fn max_share(mut self, share: f64) -> Self {
        self.max_share = share;
        self
    }

    /// The period over which the share is counted: at least 1 ms. More than 34 years become 34 years. The
    /// default is 10 s.
    ///
    /// The first request after the end of a period begins the next one. An unused share is kept until the period
    /// ends, up to a thousand rejections, and is not carried over to the next period.
    ///
    /// If all requests have expired, the rejections are exactly the share of each hundred of them. Their order is not
    /// periodic, so that kinds of requests that arrive in turn get close to the same share. In the first hundred of a
    /// period the rejections are at every moment within the share of the requests in it, unless the share is lowered
    /// meanwhile: with the defaults the first four requests of a period are never rejected. In a later hundred they
    /// may be ahead of the share by three until it ends.
    pub const fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// Whether the filter only counts, and rejects nothing. Off by default.
    pub const fn dark(mut self, dark: bool) -> Self {
        self.dark = dark;
        self
    }

    /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked where they
    /// are read, before there is a name.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a setting is out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{DeadlineFilter, InvalidConfigKind};
    ///
    /// let builder = DeadlineFilter::builder();
    /// assert_eq!(builder.check(), Ok(()));
    /// let refused = builder.max_share(20.0).check().unwrap_err();
    /// assert_eq!((refused.name(), refused.kind()), (None, InvalidConfigKind::MaxShare(20.0)));
    /// ```
    pub const fn check(&self) -> Result<(), InvalidConfig> {
        match self.settings() {
            Ok(_) => Ok(()),
            Err(kind) => Err(kind.unnamed()),
        }
    }

    pub(crate) const fn settings(self) -> Result<Settings, InvalidConfigKind> {
        Settings::new(self.max_share, self.period, self.dark)
    }
}

impl Default for DeadlineFilterBuilder {
    /// The builder with every default, as an empty table in a file gives it.
    fn default() -> Self {
        Self::new()
    }
}

/// Fields that are validated when they are read, so that an error names the line of the file.
#[cfg(feature = "serde")]
mod read {
    use serde::{Deserialize, Deserializer, de::Error};

    use super::{DeadlineFilterBuilder, Duration};

    pub(super) fn max_share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        let share = f64::deserialize(from)?;
        validated(DeadlineFilterBuilder::new().max_share(share)).map(|()| share)
    }

    pub(super) fn period<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let period = super::super::duration::deserialize(from)?;
        validated(DeadlineFilterBuilder::new().period(period)).map(|()| period)
    }

    fn validated<E: Error>(builder: DeadlineFilterBuilder) -> Result<(), E> {
        builder.check().map_err(E::custom)
    }
}

/// The fields of a [`DeadlineFilterBuilder`] in a file.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(
    remote = "DeadlineFilterBuilder",
    default = "DeadlineFilterBuilder::new",
    deny_unknown_fields
)]
struct File {
    #[serde(deserialize_with = "read::max_share")]
    max_share: f64,
    #[serde(deserialize_with = "read::period")]
    period: Duration,
    dark: bool,
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for DeadlineFilterBuilder {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        File::deserialize(super::table::Table(from))
    }
}
