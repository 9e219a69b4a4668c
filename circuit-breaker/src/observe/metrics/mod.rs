//! The feature `metrics`. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
mod handles;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Begun, IS_ON, Labels, Meter};
#[cfg(feature = "metrics")]
pub(crate) use self::on::{Begun, IS_ON, Labels, Meter};
