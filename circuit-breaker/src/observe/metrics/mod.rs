//! The feature `metrics`. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
mod handles;
#[cfg(all(feature = "metrics", feature = "family"))]
mod labels;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(all(feature = "metrics", feature = "family"))]
pub(crate) use self::labels::Labels;
#[cfg(all(not(feature = "metrics"), feature = "family"))]
pub(crate) use self::off::Labels;
#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Begun, IS_ON, Meter};
#[cfg(feature = "metrics")]
pub(crate) use self::on::{Begun, IS_ON, Meter};
