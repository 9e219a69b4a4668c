//! The only place that knows the feature `metrics`. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
mod handles;
#[cfg(feature = "metrics")]
mod labels;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(feature = "metrics")]
pub(crate) use labels::Labels;
#[cfg(not(feature = "metrics"))]
pub(crate) use off::{Begun, IS_ON, Labels, Meter};
#[cfg(feature = "metrics")]
pub(crate) use on::{Begun, IS_ON, Meter};
