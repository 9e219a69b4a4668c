//! The only place that knows the feature `metrics`. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
mod handles;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::{FilterMeters, Watch};
#[cfg(feature = "metrics")]
pub(crate) use on::{FilterMeters, Watch};
